const CONTINUATION = 0;
const BINARY = 2;

/**
 * Finds a data frame of more than `limit` bytes in a client's bytes. `ws` limits only whole messages. Only frame headers
 * are read; payloads are skipped. `onExceeded` is called once, with the number of whole messages before the frame.
 */
export const createFrameWatch = (limit: number, onExceeded: (messagesBefore: number) => void) => {
  const header = Buffer.alloc(10);
  let have = 0;
  let skip = 0;
  let messages = 0;
  let exceeded = false;

  return (chunk: Buffer): void => {
    let at = 0;
    while (!exceeded && at < chunk.length) {
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - at);
        skip -= step;
        at += step;
        continue;
      }
      header.writeUInt8(chunk.readUInt8(at), have);
      have += 1;
      at += 1;
      if (have < headerLength(header, have)) continue;

      const first = header.readUInt8(0);
      const payload = payloadLength(header);
      const opcode = first & 0x0f;
      const isData = opcode >= CONTINUATION && opcode <= BINARY;
      if (isData && payload > limit) {
        exceeded = true;
        onExceeded(messages);
        return;
      }
      if (isData && (first & 0x80) !== 0) messages += 1;
      skip = payload + ((header.readUInt8(1) & 0x80) === 0 ? 0 : 4);
      have = 0;
    }
  };
};

/** The length without the masking key. It follows from the first two bytes. */
const headerLength = (header: Buffer, have: number): number => {
  if (have < 2) return 2;
  const length = header.readUInt8(1) & 0x7f;
  if (length < 126) return 2;
  return length === 126 ? 4 : 10;
};

const payloadLength = (header: Buffer): number => {
  const length = header.readUInt8(1) & 0x7f;
  if (length < 126) return length;
  return length === 126 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
};

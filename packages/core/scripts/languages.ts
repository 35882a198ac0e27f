// Rewrites src/data/languages.json from what Translate and Polly offer today: npm run languages.
import { writeFile } from "node:fs/promises";
import { DescribeVoicesCommand, PollyClient, type Voice } from "@aws-sdk/client-polly";
import { type Language, paginateListLanguages, TranslateClient } from "@aws-sdk/client-translate";
import { languageTable } from "./language-table.js";

// Not every region has every neural voice. By default this asks the stages' own region.
const region = process.env.AWS_REGION ?? "us-east-1";

const listedLanguages = async (): Promise<Language[]> => {
  const client = new TranslateClient({ region });
  const languages: Language[] = [];
  for await (const { Languages = [] } of paginateListLanguages({ client }, {})) languages.push(...Languages);
  client.destroy();
  return languages;
};

const neuralVoices = async (): Promise<Voice[]> => {
  const client = new PollyClient({ region });
  const voices: Voice[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.send(new DescribeVoicesCommand({ Engine: "neural", NextToken }));
    voices.push(...(page.Voices ?? []));
    NextToken = page.NextToken;
  } while (NextToken);
  // Its HTTP/2 session would keep the process alive.
  client.destroy();
  return voices;
};

try {
  const table = languageTable(
    await listedLanguages(),
    await neuralVoices(),
    new Date().toISOString().slice(0, 10),
  );
  await writeFile(
    new URL("../src/data/languages.json", import.meta.url),
    `${JSON.stringify(table, undefined, 2)}\n`,
  );
  const spoken = Object.keys(table.neural).length;
  console.log(
    `${table.translate.length} languages of Translate, ${spoken} of Polly's neural voices, as of ${table.source.date}`,
  );
} catch (error) {
  if (!(error instanceof Error) || error.name !== "CredentialsProviderError") throw error;
  console.error(
    "No AWS credentials found: sign in with permission for translate:ListLanguages and polly:DescribeVoices, then run npm run languages again.",
  );
  process.exitCode = 1;
}

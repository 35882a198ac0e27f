const svgElements = new Set(["svg", "path", "line", "title"]);

/** Builds an element. Data only ever becomes text or an attribute; it is never parsed as HTML. */
export const h = (name, attributes, ...children) => {
  const element = svgElements.has(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes ?? {})) {
    if (value === true) element.setAttribute(attribute, "");
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(attribute, value);
  }
  element.append(
    ...children.flat(Number.POSITIVE_INFINITY).filter((child) => child !== null && child !== undefined),
  );
  return element;
};

/**
 * Makes a node's children like these. It keeps every node that can stay, so that what the reader has opened, selected
 * or scrolled survives the next second. `data-key` finds a node that has moved.
 */
export const update = (parent, children) => {
  const keyed = new Map();
  for (const child of parent.childNodes)
    if (child.dataset?.key !== undefined) keyed.set(child.dataset.key, child);
  let at = parent.firstChild;
  for (const child of children) {
    const key = child.dataset?.key;
    const old = key === undefined ? at : keyed.get(key);
    const fits =
      old && old.nodeName === child.nodeName && (key !== undefined || old.dataset?.key === undefined);
    if (!fits) {
      parent.insertBefore(child, at);
      continue;
    }
    if (old === at) at = at.nextSibling;
    else parent.insertBefore(old, at);
    become(old, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
};

const become = (old, wanted) => {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  // The reader opens and closes details; only their first state is the page's.
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  update(old, [...wanted.childNodes]);
};

/** Fills a section of the page; the count stands beside its heading. */
export const show = (section, count, children) => {
  const heading = document.getElementById(`${section}-title`);
  update(heading, [
    heading.firstChild.cloneNode(),
    ...(count === undefined ? [] : [h("span", { class: "quiet" }, ` ${count}`)]),
  ]);
  update(document.querySelector(`#${section} [data-body]`), children);
};

export const empty = (text) => h("p", { class: "empty" }, text);

/** A line that unfolds. `key` finds it again; `end` stands at its right. */
export const fold = ({ key, open = false, paint = null, summary, end = "" }, ...inside) =>
  h(
    "details",
    { "data-key": key, open, class: paint },
    h("summary", null, summary, h("span", { class: "end quiet" }, end)),
    h("div", { class: "inside" }, inside),
  );

export const table = (className, labels, rows) =>
  h(
    "table",
    { class: className },
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        labels.map((label) => h("th", { scope: "col" }, label)),
      ),
    ),
    h("tbody", null, rows),
  );

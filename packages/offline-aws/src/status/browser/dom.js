const svgElements = new Set(["svg", "path"]);

/**
 * `h("td.mono", {title: "x"}, child)` builds an element; a plain object is its attributes. Data only ever becomes text or
 * an attribute; it is never parsed as HTML.
 */
export const h = (selector, ...parts) => {
  const [name, ...classes] = selector.split(".");
  const element = svgElements.has(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  if (classes.length > 0) element.setAttribute("class", classes.join(" "));
  for (const part of parts.flat(Number.POSITIVE_INFINITY)) {
    if (part?.constructor === Object)
      for (const [attribute, value] of Object.entries(part)) element.setAttribute(attribute, value);
    else if (part !== undefined && part !== false) element.append(part);
  }
  return element;
};

/**
 * Makes a node's children like these. It keeps every node that can stay, so that what the reader has opened, selected
 * or scrolled survives the next second. `data-key` finds a node that has moved.
 */
export const update = (parent, children) => {
  const keyOf = (node) => node.dataset?.key;
  const keyed = new Map([...parent.childNodes].map((node) => [keyOf(node), node]));
  let at = parent.firstChild;
  for (const child of children) {
    const key = keyOf(child);
    const old = key === undefined ? at : keyed.get(key);
    if (!old || old.nodeName !== child.nodeName || keyOf(old) !== key) {
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
  for (const { name } of [...old.attributes])
    if (name !== "open" && !wanted.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of wanted.attributes)
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  update(old, [...wanted.childNodes]);
};

/** Fills a section of the page; `none` is said when there are no children. */
export const show = (section, children, none) =>
  update(document.querySelector(`#${section} [data-body]`), children.length > 0 ? children : [note(none)]);

export const note = (text) => h("p.quiet", text);

/** A line that unfolds. `key` finds it again; `end` stands at its right. */
export const fold = ({ key, open = false, title, end }, ...inside) =>
  h(
    "details",
    { "data-key": key },
    open && { open: "" },
    h("summary", h("span.bar", h("span", title), end !== undefined && h("span.end.quiet", end))),
    h("div.inside", inside),
  );

/** A table that scrolls sideways; the attributes are its box's. */
export const table = (labels, rows, attributes) => {
  const head = labels.map((label) => h("th.quiet", { scope: "col" }, label));
  const body = h("table", h("thead", h("tr", head)), h("tbody", rows));
  return h("div.scroll", { tabindex: 0 }, attributes, body);
};

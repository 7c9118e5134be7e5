/**
 * For a library that writes style sheets and style attributes as texts, which the policy of our pages forbids: while
 * it is in use, the elements that it makes take them in the ways that the policy allows, as constructed sheets and as
 * properties. No text that came in otherwise can do that.
 *
 * The terminal (xterm.js 6) is such a one. It takes a document of its own as an option, which would do without hiding a
 * method of the page's, but makes its rows and one of its sheets with the page's all the same.
 */
let users = 0;

/** From now on, until what it gives is called. */
export function beginStrictStyles(): () => void {
  if (users === 0) Object.defineProperty(document, "createElement", { value: createElement, configurable: true });
  users += 1;
  let isUsed = true;
  return () => {
    if (!isUsed) return;
    isUsed = false;
    users -= 1;
    // The document's own, which this one hid.
    if (users === 0) Reflect.deleteProperty(document, "createElement");
  };
}

function createElement(name: string, options?: ElementCreationOptions): HTMLElement {
  const plain = (what: string) => Document.prototype.createElement.call(document, what, options);
  if (name === "style") return sheetElement(plain("span"));
  const element = plain(name);
  if (name !== "span") return element;
  const set = element.setAttribute.bind(element);
  element.setAttribute = (key: string, value: string) => {
    if (key === "style") element.style.cssText = value;
    else set(key, value);
  };
  return element;
}

/** In the place of a <style>: its text goes into a sheet that is there as long as it is. */
function sheetElement(element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  element.hidden = true;
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", {
    set(text: string) {
      sheet.replaceSync(text);
    },
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

/** Properties that a picture takes from the style sheet of the page. */
const PROPERTIES = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "font",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "opacity",
  "paint-order",
  "stroke-linejoin",
];

/** A picture of the page as a file of its own: with its colours inside, and a background. */
export function pictureText(svg: SVGSVGElement | undefined): string {
  if (svg === undefined) return "";
  const copy = svg.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const rules = new Map<string, string>();
  const own = svg.querySelectorAll("*");
  for (const [index, element] of copy.querySelectorAll("*").entries()) {
    const style = getComputedStyle(own[index] as Element);
    const text = PROPERTIES.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";");
    const name = rules.get(text) ?? `p${rules.size}`;
    rules.set(text, name);
    element.setAttribute("class", name);
  }
  const sheet = document.createElementNS("http://www.w3.org/2000/svg", "style");
  sheet.textContent = [...rules].map(([text, name]) => `.${name}{${text}}`).join("");
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  paper.setAttribute("width", "100%");
  paper.setAttribute("height", "100%");
  paper.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
  copy.prepend(sheet, paper);
  return new XMLSerializer().serializeToString(copy);
}

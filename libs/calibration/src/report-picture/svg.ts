/** What an attribute may hold; numbers are written with at most two decimals. */
type Attributes = Readonly<Record<string, string | number>>;

/** An SVG element. Its children are elements, or texts that `escaped` has been over. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const head = [
    name,
    ...Object.entries(attributes).map(
      ([key, value]) => `${key}="${escaped(typeof value === 'number' ? coordinate(value) : value)}"`,
    ),
  ].join(' ');
  return children.length === 0 ? `<${head}/>` : `<${head}>${children.join('')}</${name}>`;
}

/** A text as it may stand in XML: also without the control characters and lone surrogates that no XML document may hold. */
export function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A number as it is written in the picture: with at most two decimals. */
export function coordinate(value: number): string {
  return String(Math.round(value * 100) / 100);
}

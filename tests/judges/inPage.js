// What a test asks of the page that it has open: this file runs there, after axe.

/** Words of up to 15 letters that a line ends within. */
globalThis.brokenWords = () => {
  const broken = [];
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode())
    for (const { 0: word, index } of text.textContent.matchAll(/\p{L}{2,15}/gu)) {
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      if (!text.parentElement.closest("svg") && range.getClientRects().length > 1) broken.push(word);
    }
  return broken;
};

/** Texts of drawings that are cut off at an edge. */
globalThis.clippedTexts = () =>
  [...document.querySelectorAll("svg")].flatMap((drawing) => {
    const frame = drawing.getBoundingClientRect();
    const isCut = ({ left, right }) => left < frame.left || right > frame.right;
    return [...drawing.querySelectorAll("text")]
      .filter((text) => isCut(text.getBoundingClientRect()))
      .map(({ textContent }) => textContent);
  });

/** Texts of a drawing by how many characters they have, and how many of them are drawn. */
globalThis.drawnTexts = () =>
  [...document.querySelectorAll("text")].map((text) => ({
    written: text.textContent.length,
    drawn: text.getNumberOfChars(),
  }));

/** What axe finds, with a few places of each. */
globalThis.accessibilityFaults = async () => {
  const { violations, passes } = await axe.run();
  const faults = violations.map(({ id, nodes }) => ({
    rule: id,
    places: nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)),
  }));
  return { faults, checked: passes.length > 10 };
};

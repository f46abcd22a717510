// Functions that the tests call in a browser page. The tests load this file after axe.

/** Returns the words of up to 15 letters that are broken across lines. */
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

/** Returns the texts in drawings that extend beyond the left or right edge. */
globalThis.clippedTexts = () =>
  [...document.querySelectorAll("svg")].flatMap((drawing) => {
    const frame = drawing.getBoundingClientRect();
    const isCut = ({ left, right }) => left < frame.left || right > frame.right;
    return [...drawing.querySelectorAll("text")]
      .filter((text) => isCut(text.getBoundingClientRect()))
      .map(({ textContent }) => textContent);
  });

/** Returns, for each text in a drawing, its number of characters and how many of them are drawn. */
globalThis.drawnTexts = () =>
  [...document.querySelectorAll("text")].map((text) => ({
    written: text.textContent.length,
    drawn: text.getNumberOfChars(),
  }));

/** Returns the violations that axe finds, with up to three places each. */
globalThis.accessibilityFaults = async () => {
  const { violations, passes } = await axe.run();
  const faults = violations.map(({ id, nodes }) => ({
    rule: id,
    places: nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)),
  }));
  return { faults, checked: passes.length > 10 };
};

// Each text on the page against what lies behind it, by WCAG's formula: the lowest contrast, and the text.
(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = (part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = read(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  let worst = [99, ""];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim();
    const one = texts.currentNode.parentElement;
    if (!text || !one.getClientRects().length || one.closest("defs, title, desc")) continue;
    const style = getComputedStyle(one);
    const colour = one.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(read(colour)), light(behind(one))].sort((x, y) => y - x);
    const found = (a + 0.05) / (b + 0.05);
    if (found < worst[0]) worst = [found, text];
  }
  return worst;
})()

"use strict";

// Adds a button to the page that opens the chat in a frame: <script src="https://HOST/widget.js" data-title="Chat with us"></script>
(() => {
  const script = document.currentScript;
  const { title = "Chat", accent = "{accent}", key } = script.dataset;
  const address = new URL(".", script.src);
  const hash = key ? "#key=" + encodeURIComponent(key) : "";

  // The button's text is black or white, whichever has more contrast (WCAG 2.2, contrast ratio).
  const parts = accent.match(/^#(..)(..)(..)$/)?.slice(1).map((part) => (parseInt(part, 16) / 255) ** 2.2);
  const luminance = parts ? 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] : 0;

  // Properties are set through the DOM: a page's Content-Security-Policy may forbid style sheets and attributes, but not this.
  const style = (element, styles) => Object.assign(element.style, styles);
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = title;
  button.setAttribute("aria-expanded", "false");
  style(button, {
    position: "fixed", insetBlockEnd: "1rem", insetInlineEnd: "1rem", zIndex: 2147483647, padding: ".75rem 1.25rem",
    font: "600 1rem/1.2 system-ui, sans-serif", color: luminance > 0.179 ? "#000" : "#fff", background: accent, border: "0", borderRadius: "2rem",
    boxShadow: "0 2px 12px rgb(0 0 0 / .35)", cursor: "pointer",
  });

  // Created when it is first opened, so that visitors who do not chat cost no connection.
  let frame;
  const open = () => {
    if (!frame) {
      frame = document.createElement("iframe");
      frame.title = title;
      frame.src = address.href + hash;
      frame.referrerPolicy = "no-referrer";
      style(frame, {
        position: "fixed", insetBlockEnd: "4.75rem", insetInlineEnd: "1rem", zIndex: 2147483647,
        width: "min(24rem, calc(100vw - 2rem))", height: "min(36rem, calc(100dvh - 6rem))", border: "0",
        borderRadius: "1rem", boxShadow: "0 4px 24px rgb(0 0 0 / .35)", background: "Canvas",
      });
      document.body.append(frame);
    }
    frame.style.display = "block";
    button.setAttribute("aria-expanded", "true");
    frame.focus();
  };
  const close = () => {
    frame.style.display = "none";
    button.setAttribute("aria-expanded", "false");
    button.focus();
  };
  const isOpen = () => button.getAttribute("aria-expanded") === "true";
  button.onclick = () => (isOpen() ? close() : open());
  addEventListener("message", (event) => {
    if (frame && event.source === frame.contentWindow && event.data === "replyd: close") close();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing && isOpen()) close();
  });
  if (document.body) document.body.append(button);
  else addEventListener("DOMContentLoaded", () => document.body.append(button));
})();

// Studio's own script. Every page works without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const field = (el) => el && (el.isContentEditable || /^(input|select|textarea)$/i.test(el.tagName));

  // Dialogs: a link marked data-dialog opens its page in a dialog.
  document.addEventListener("click", async (e) => {
    const link = e.target.closest("a[data-dialog]");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    e.preventDefault();
    let reply;
    try {
      reply = await fetch(link.href, { headers: { "X-Studio-Part": "dialog" } });
    } catch {
      reply = null;
    }
    if (!reply || !reply.ok) return void (location.href = link.href);
    const box = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector("main > *");
    const dialog = document.createElement("dialog");
    dialog.append(document.importNode(box, true));
    dialog.setAttribute("aria-labelledby", "asks");
    document.body.append(dialog);
    dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
    dialog.addEventListener("click", (c) => {
      if (c.target.closest("[data-close]")) { c.preventDefault(); dialog.close(); }
    });
    dialog.showModal();
  });

  // Copy buttons.
  document.addEventListener("click", async (e) => {
    const button = e.target.closest("button[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C";
    }
  });

  // A form is sent once.
  document.addEventListener("submit", (e) => {
    for (const b of e.target.querySelectorAll("button[type=submit]")) {
      if (b.form && b.form.method === "post") setTimeout(() => { b.disabled = true; b.setAttribute("aria-busy", "true"); });
    }
  });

  // Keys (U-11).
  let going = 0;
  document.addEventListener("keydown", (e) => {
    if (!root.hasAttribute("data-keys") || field(e.target) || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
    const rows = [...document.querySelectorAll(".row-link")];
    const at = rows.indexOf(document.activeElement);
    const follow = (el) => { if (el) { e.preventDefault(); el.click(); } };
    if (going && Date.now() - going < 1200) {
      going = 0;
      return follow(document.querySelector(`.rail a[data-key="${CSS.escape(e.key)}"]`));
    }
    switch (e.key) {
      case "/": e.preventDefault(); document.querySelector(".find input")?.focus(); break;
      case "g": going = Date.now(); break;
      case "j": rows[Math.min(at + 1, rows.length - 1)]?.focus(); break;
      case "k": rows[Math.max(at - 1, 0)]?.focus(); break;
      case "[": follow(document.querySelector("a[rel=next]")); break;
      case "]": follow(document.querySelector("a[rel=prev]")); break;
      case ".": follow(document.querySelector("button[data-live]")); break;
    }
  });

  // Relative times.
  const words = (s) => s < 60 ? "just now" : s < 3600 ? `${Math.floor(s / 60)} min ago` : s < 86400 ? `${Math.floor(s / 3600)} h ago` : `${Math.floor(s / 86400)} d ago`;
  setInterval(() => {
    for (const el of document.querySelectorAll("[data-ago]")) el.textContent = words((Date.now() - Date.parse(el.dataset.ago)) / 1000);
  }, 30000);

  // Live regions ask nothing while they are hidden, paused or behind a dialog.
  const paused = () => sessionStorage.getItem("studio.live") === "off";
  document.addEventListener("htmx:before:request", (e) => {
    if (e.target.closest?.("[data-region]") && (document.hidden || paused() || document.querySelector("dialog[open]"))) e.preventDefault();
  });
  const live = document.querySelector("button[data-live]");
  const label = () => { if (live) { live.textContent = paused() ? "Paused" : "Live"; live.setAttribute("aria-pressed", String(!paused())); } };
  live?.addEventListener("click", () => { sessionStorage.setItem("studio.live", paused() ? "on" : "off"); label(); });
  label();
})();

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
    const from = document.activeElement;
    const box = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector("main > *");
    const dialog = document.createElement("dialog");
    dialog.append(document.importNode(box, true));
    dialog.setAttribute("aria-labelledby", "asks");
    document.body.append(dialog);
    dialog.addEventListener("close", () => { dialog.remove(); (from === document.body ? link : from).focus(); });
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
      case "?": follow(document.querySelector("a[data-help]")); break;
    }
  });

  // Relative times.
  const words = (s) => s < 60 ? "just now" : s < 3600 ? `${Math.floor(s / 60)} min ago` : s < 86400 ? `${Math.floor(s / 3600)} h ago` : `${Math.floor(s / 86400)} d ago`;
  setInterval(() => {
    for (const el of document.querySelectorAll("[data-ago]")) el.textContent = words((Date.now() - Date.parse(el.dataset.ago)) / 1000);
  }, 30000);

  // A change of theme, rows or zone shows before it is saved.
  document.querySelector("form[data-preview]")?.addEventListener("input", ({ target: t }) => {
    if (t.name === "theme") root.dataset.theme = t.value;
    if (t.name === "rows") root.dataset.rows = t.value;
    if (t.name !== "zone") return;
    let there = "There is no such zone.";
    try {
      there = `It is ${new Intl.DateTimeFormat("en-GB", { timeZone: t.value.trim(), hour: "2-digit", minute: "2-digit" }).format()} there.`;
    } catch { /* half a name */ }
    document.querySelector("[data-clock]").textContent = there;
  });

  // Live regions ask nothing while they are hidden, paused, behind a dialog or being filled
  // in; after three failures they wait to be told.
  const paused = () => sessionStorage.getItem("studio.live") === "off";
  const live = document.querySelector("button[data-live]");
  const said = document.querySelector("[data-live-said]");
  const news = document.querySelector("button[data-news]");
  let failures = 0, since = new Date();
  const label = () => {
    if (!live) return;
    const dead = failures > 2 && `Not live since ${since.toTimeString().slice(0, 5)}, retry`;
    live.textContent = dead || (paused() ? "Paused" : "Live");
    live.setAttribute("aria-pressed", String(!paused() && !dead));
    if (said.textContent !== (dead || "")) said.textContent = dead || "";
  };
  const failed = () => { failures++; label(); };
  const region = (e) => e.target.closest?.("[data-region]");
  const touched = (box) => [...box.querySelectorAll("input, select, textarea")].some((f) => f === document.activeElement || (f.type === "checkbox" || f.type === "radio" ? f.checked !== f.defaultChecked : f.tagName === "SELECT" ? [...f.options].some((o) => o.selected !== o.defaultSelected) && f.selectedIndex > 0 : f.value !== f.defaultValue));
  // Rows that are new wait above a list that was scrolled away.
  const count = async (feed) => {
    const reply = await fetch(feed.getAttribute("hx-get")).catch(() => null);
    if (!reply?.ok || reply.status !== 200) return;
    const links = (node) => [...node.querySelectorAll(".row-link")].map((a) => a.getAttribute("href"));
    const known = new Set(links(feed));
    const n = links(new DOMParser().parseFromString(await reply.text(), "text/html")).filter((l) => !known.has(l)).length;
    news.hidden = !n;
    news.textContent = `${n} new`;
  };
  document.addEventListener("htmx:before:request", (e) => {
    const box = region(e);
    if (!box) return;
    if (document.hidden || paused() || failures > 2 || document.querySelector("dialog[open]") || touched(box)) return e.preventDefault();
    if (box.hasAttribute("data-feed") && box.getBoundingClientRect().top < 0) {
      e.preventDefault();
      count(box);
    } else if (news) news.hidden = true;
  });
  document.addEventListener("htmx:before:response", (e) => {
    const reply = region(e) && e.detail.ctx.response.raw;
    if (!reply) return;
    if (reply.redirected) location.reload(); // signed out elsewhere
    if (reply.redirected || !reply.ok) { e.preventDefault(); failed(); } else { failures = 0; since = new Date(); label(); }
  });
  document.addEventListener("htmx:error", (e) => { if (region(e)) failed(); });
  live?.addEventListener("click", () => {
    if (failures > 2) failures = 0;
    else sessionStorage.setItem("studio.live", paused() ? "on" : "off");
    label();
  });
  news?.addEventListener("click", () => { scrollTo(0, 0); news.hidden = true; });
  label();
})();

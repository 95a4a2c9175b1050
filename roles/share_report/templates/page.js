(() => {
  "use strict";
  const by = (id) => document.getElementById(id);
  const list = by("list");
  const unfoldTarget = () => {
    const target = location.hash ? by(location.hash.slice(1)) : null;
    if (target && target.tagName === "DETAILS") {
      target.hidden = false;
      target.open = true;
      target.scrollIntoView();
    }
  };
  if (list) {
    const volumes = Array.from(list.children);
    const texts = volumes.map((volume) => volume.textContent.toLowerCase());
    const show = () => {
      const words = by("find").value.toLowerCase().split(/\s+/).filter(Boolean);
      const only = by("only").value;
      let shown = 0;
      volumes.forEach((volume, place) => {
        const fits = words.every((word) => texts[place].includes(word)) && (!only || volume.dataset.is.split(" ").includes(only));
        volume.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      by("shown").textContent = shown === volumes.length ? String(shown) : shown + " of " + volumes.length;
      by("nothing").hidden = shown > 0;
    };
    const sort = () => {
      const key = by("sort").value;
      const sorted = volumes.slice();
      if (key) {
        sorted.sort((one, other) => Number(other.dataset[key]) - Number(one.dataset[key]));
      }
      list.append(...sorted);
    };
    const fold = (open) => volumes.forEach((volume) => {
      if (!volume.hidden) {
        volume.open = open;
      }
    });
    by("find").addEventListener("input", show);
    by("only").addEventListener("change", show);
    by("sort").addEventListener("change", sort);
    by("unfold").addEventListener("click", () => fold(true));
    by("fold").addEventListener("click", () => fold(false));
    by("tools").addEventListener("submit", (event) => event.preventDefault());
    by("tools").hidden = false;
    // a browser keeps what was typed over a reload
    show();
    sort();
  }
  addEventListener("hashchange", unfoldTarget);
  unfoldTarget();
})();

// The script of the page: files go to the server one by one under their paths, and slices are scrolled.
(() => {
  "use strict";
  const MOST_AT_ONCE = 4;

  // Files: [path, File] pairs of what was chosen or dropped.
  async function entries(items) {
    const found = [];
    async function walk(entry, above) {
      if (entry.isFile) {
        const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
        found.push([above + entry.name, file]);
        return;
      }
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) return;
        for (const one of some) await walk(one, above + entry.name + "/");
      }
    }
    const roots = [...items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    for (const root of roots) await walk(root, "");
    return found;
  }

  function shown(path) {
    return !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");
  }

  async function send(drop, files) {
    const said = drop.querySelector(".arrived");
    const place = "/files/" + drop.dataset.token;
    const ask = document.querySelector("#ask");
    const chosen = files.filter(([path]) => shown(path));
    const waiting = [...chosen];
    let done = 0, bytes = 0, problem = "";
    ask.disabled = true;
    drop.classList.add("busy");
    try {
      let answer = await fetch(place, { method: "DELETE" });
      if (!answer.ok) problem = await answer.text();
      await Promise.all(Array.from({ length: MOST_AT_ONCE }, async () => {
        while (waiting.length && !problem) {
          const [path, file] = waiting.shift();
          const reply = await fetch(place + "?path=" + encodeURIComponent(path), { method: "PUT", body: file });
          if (!reply.ok) { problem = await reply.text(); return; }
          done += 1; bytes += file.size;
          said.textContent = done + " of " + chosen.length + " files";
        }
      }));
    } catch (error) {
      problem = "the files cannot be sent: mmdx demo no longer answers; start it again and reload this page";
    }
    ask.disabled = false;
    drop.classList.remove("busy");
    const size = bytes < 1e6 ? Math.ceil(bytes / 1e3) + " kB" : (bytes / 1e6).toFixed(1) + " MB";
    said.textContent = problem || (done + (done === 1 ? " file" : " files") + ", " + size + ": ready to be asked about.");
  }

  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    const drop = event.target.closest && event.target.closest(".drop");
    document.querySelectorAll(".drop").forEach((one) => one.classList.toggle("over", one === drop));
  });
  document.addEventListener("dragleave", (event) => {
    if (event.target.closest && event.target.closest(".drop")) event.target.closest(".drop").classList.remove("over");
  });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    const drop = document.querySelector(".drop");
    if (!drop) return;
    drop.classList.remove("over");
    send(drop, await entries(event.dataTransfer.items));
  });
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!input.matches(".drop input[type=file]")) return;
    const files = [...input.files].map((file) => [file.webkitRelativePath || file.name, file]);
    if (files.length) send(input.closest(".drop"), files);
    input.value = "";  // the same folder may be chosen again
  });

  // Slices: the picture follows what is chosen.
  function value(viewer, name, otherwise) {
    const one = viewer.querySelector(name);
    return one ? one.value : otherwise;
  }

  function draw(viewer) {
    const facts = JSON.parse(viewer.dataset.facts);
    const index = Number(value(viewer, ".slice", "1")) - 1;
    const finding = value(viewer, ".heat", "");
    const boxes = viewer.querySelector(".boxes");
    const asked = new URLSearchParams({ window: value(viewer, ".window", "") });
    if (boxes && boxes.checked) asked.set("boxes", finding);
    const picture = viewer.dataset.base + "/" + index + ".png?" + asked;
    const likeliest = facts.likeliest[finding] || [];
    const heated = likeliest.some(([place]) => place === index);
    const plain = viewer.querySelector("img.plain"), hot = viewer.querySelector("img.heated");
    plain.src = picture;
    plain.alt = facts.places[index];
    hot.hidden = !heated;
    if (heated) hot.src = picture + "&finding=" + encodeURIComponent(finding);
    hot.alt = facts.places[index] + ", under the heat of " + finding;
    const drawn = boxes && boxes.checked ? facts.boxes[index] || [] : [];
    const found = drawn.filter(([name]) => !finding || name === finding).map(([name, score]) => name + " " + score.toFixed(2));
    viewer.querySelector(".place").textContent = facts.places[index];
    const what = (finding && !heated ? "no heat was made for this slice" : finding ? "right: under the heat of " + finding : "")
      + (found.length ? "; boxes: " + found.join(", ") : "");
    viewer.querySelector(".what").textContent = what ? "(" + what.replace(/^; /, "") + ")" : "";
    const row = viewer.querySelector(".likeliest");
    if (row.dataset.finding !== finding) {
      row.dataset.finding = finding;
      row.replaceChildren();
      if (likeliest.length > 1) row.append("Likeliest slices: ");
      for (const [place, score] of likeliest.length > 1 ? likeliest : []) {
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.slice = place + 1;
        button.textContent = place + 1 + " (" + score.toFixed(2) + ")";
        row.append(button, " ");
      }
    }
    row.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", Number(one.dataset.slice) === index + 1));
  }

  function go(viewer, number) {
    const slider = viewer.querySelector(".slice");
    if (!slider) return;
    slider.value = number;
    draw(viewer);
  }

  document.addEventListener("input", (event) => {
    const viewer = event.target.closest && event.target.closest(".viewer");
    if (!viewer) return;
    if (event.target.matches(".heat")) {
      const first = (JSON.parse(viewer.dataset.facts).likeliest[event.target.value] || [])[0];
      if (first) { go(viewer, first[0] + 1); return; }
    }
    draw(viewer);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest(".viewer .likeliest button");
    if (button) go(button.closest(".viewer"), Number(button.dataset.slice));
  });
  document.addEventListener("wheel", (event) => {
    const image = event.target.closest && event.target.closest(".viewer figure img");
    if (!image || !image.closest(".viewer").querySelector(".slice")) return;
    event.preventDefault();
    const viewer = image.closest(".viewer");
    go(viewer, Number(value(viewer, ".slice", "1")) + Math.sign(event.deltaY));
  }, { passive: false });
  new MutationObserver(() => document.querySelectorAll(".viewer:not([data-drawn])").forEach((viewer) => {
    viewer.dataset.drawn = "yes";
    draw(viewer);
  })).observe(document, { childList: true, subtree: true });
})();

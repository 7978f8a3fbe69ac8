// Copying and the phone's own way of sharing, where there are scripts; the page works without.
document.querySelectorAll("[data-share]").forEach((box) => {
  const address = box.querySelector("#address"), said = box.querySelector("[data-said]");
  const copy = box.querySelector("[data-copy]"), send = box.querySelector("[data-send]");
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(address.value);
    } catch {
      address.select();
      if (!document.execCommand("copy")) return;
    }
    said.textContent = said.dataset.done;
  });
  if (send && navigator.share) {
    send.hidden = false;
    const sent = {title: box.dataset.title, url: box.dataset.url};
    send.querySelector("button").addEventListener("click", () => navigator.share(sent).catch(() => {}));
  }
});

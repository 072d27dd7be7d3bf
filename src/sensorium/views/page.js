// Labels in the reader's language, or in the other; arrow keys walk the cards, Home and End jump.
const root = document.querySelector(".sensorium");
const language = root.querySelector(".language");
function speak(chosen) {
  root.dataset.lang = document.documentElement.lang = chosen;
  document.dispatchEvent(new Event("languagechosen"));
}
if (navigator.language.startsWith("zh")) speak("zh");
if (language) {
  language.hidden = false;
  language.addEventListener("click", () => speak(root.dataset.lang === "zh" ? "en" : "zh"));
}
document.addEventListener("keydown", (event) => {
  const cards = [...document.querySelectorAll(".hit")];
  const here = cards.indexOf(document.activeElement);
  if (!cards.length || event.ctrlKey || event.metaKey || event.altKey) return;
  const top = cards[0].getBoundingClientRect().top;
  const columns = cards.filter((card) => card.getBoundingClientRect().top === top).length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  let next;
  if (event.key in steps) next = here < 0 ? 0 : here + steps[event.key];
  else if (event.key === "Home") next = 0;
  else if (event.key === "End") next = cards.length - 1;
  if (next === undefined || !cards[next]) return;
  event.preventDefault();
  cards[next].focus();
});

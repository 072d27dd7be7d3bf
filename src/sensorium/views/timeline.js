// One playhead over the item and all of its rows: what plays moves it, a click moves what plays.
for (const felt of document.querySelectorAll(".felt-timed")) follow(felt);

function follow(felt) {
  const told = JSON.parse(felt.querySelector(".felt-data").textContent);
  const media = felt.querySelector(".felt-media");
  const tracks = felt.querySelector(".felt-tracks");
  const scroll = felt.querySelector(".felt-scroll");
  const slide = felt.querySelector(".felt-slide");
  const now = felt.querySelector(".felt-now");
  const listed = [...felt.querySelectorAll(".felt-list > li")];
  const boxes = [...felt.querySelectorAll(".felt-box[data-from]")];
  const length = told.end - told.start;
  const page = felt.closest(".sensorium");
  let at = told.start;
  page.dataset.live = "";
  now.hidden = false;

  const inside = (one) => at >= +one.dataset.from && at < +one.dataset.to;

  function clock(time) {
    if (!told.seconds) return String(Math.floor(time) + 1);
    const whole = Math.floor(time + 1e-6);
    const rest = `${Math.floor(whole / 60) % 60}`.padStart(whole >= 3600 ? 2 : 1, "0");
    const text = `${rest}:${String(whole % 60).padStart(2, "0")}`;
    return whole >= 3600 ? `${Math.floor(whole / 3600)}:${text}` : text;
  }

  const main = "fused" in told.rows ? "fused" : Object.keys(told.rows)[0];

  function column(row) {
    const last = row.values.length - 1;
    return Math.min(last, Math.max(0, Math.floor((at - told.start) / row.wide)));
  }

  const chances = (name) => told.rows[name].values[column(told.rows[name])];
  const isUnknown = (name) => told.rows[name].unknown.includes(column(told.rows[name]));

  function best(name) {
    const values = chances(name);
    if (!values || !values.length) return "–";
    const zh = page.dataset.lang === "zh" ? 1 : 0;
    const most = values.indexOf(Math.max(...values));
    const likeliest = `${told.labels[most][zh]} ${values[most]}%`;
    if (!isUnknown(name)) return likeliest;
    return told.unknown[zh] + (zh ? `（最可能：${likeliest}）` : ` (likeliest: ${likeliest})`);
  }

  function tell() {
    const values = chances(main);
    const most = values && !isUnknown(main) ? Math.max(...values) : -1;
    for (const item of now.querySelectorAll("[data-label]")) {
      const value = values ? values[item.dataset.label] : 0;
      item.style.setProperty("--share", `${value}%`);
      item.querySelector("b").textContent = values ? `${value}%` : "–";
      item.classList.toggle("best", value === most);
    }
    for (const item of now.querySelectorAll("[data-row]")) {
      item.querySelector("dd").textContent = best(item.dataset.row);
    }
    now.querySelector(".felt-clock b").textContent = clock(at);
    const said = listed.find((one) => inside(one) && one.querySelector("q"));
    now.querySelector(".felt-quote").textContent = said ? said.querySelector("q").textContent : "";
  }

  function move(time, turn) {
    at = Math.min(Math.max(time, told.start), told.end);
    felt.style.setProperty("--at", String((at - told.start) / length));
    slide.value = at;
    slide.setAttribute("aria-valuetext", `${clock(at)} ${best(main)}`);
    for (const one of listed) one.classList.toggle("now", inside(one));
    for (const one of boxes) one.hidden = !inside(one);
    tell();
    if (turn) bringIntoView();
  }

  function bringIntoView() {
    const head = tracks.querySelector(".felt-head").getBoundingClientRect().left;
    const seen = scroll.getBoundingClientRect();
    const names = tracks.querySelector(".felt-row").offsetWidth;
    if (head < seen.left + names || head > seen.right - 8) {
      scroll.scrollLeft += head - seen.left - names - (seen.width - names) / 3;
    }
  }

  function jump(time) {
    if (media && media.readyState) media.currentTime = Math.max(0, time - told.begin);
    else if (media) media.addEventListener("loadedmetadata", () => jump(time), { once: true });
    move(time, true);
  }

  function run() {
    move(media.currentTime + told.begin, true);
    if (!media.paused && !media.ended) requestAnimationFrame(run);
  }

  if (media) {
    media.addEventListener("play", run);
    media.addEventListener("timeupdate", () => media.paused && run());
    media.addEventListener("seeked", () => media.paused && run());
  }
  felt.addEventListener("click", (event) => {
    const place = event.target.closest("[data-at]");
    const cell = event.target.closest(".felt-lane .felt-cell");
    const zoom = event.target.closest("button[data-zoom]");
    if (place) {
      jump(+place.dataset.at);
    } else if (zoom) {
      tracks.dataset.zoom = zoom.dataset.zoom;
      for (const one of tracks.querySelectorAll("button[data-zoom]")) {
        one.setAttribute("aria-pressed", String(one === zoom));
      }
      bringIntoView();
    } else if (cell && !cell.querySelector(".felt-slide")) {
      const box = cell.getBoundingClientRect();
      jump(told.start + ((event.clientX - box.left) / box.width) * length);
    }
  });
  slide.addEventListener("input", () => jump(+slide.value));
  document.addEventListener("languagechosen", tell);
  move(told.start, false);
}

/*
 * An upload's page while the upload is in work: follows its Server-Sent Events, and loads itself again when a step is done. Without
 * script the page refreshes itself.
 */
const RETRY_MSEC = 1000, RETRY_MSEC_MAX = 60000;

const shown = document.getElementById("working"), bar = shown.querySelector("progress"), judged = document.getElementById("judged");
let retry = RETRY_MSEC;

function follow() {
  const events = new EventSource(shown.dataset.events);
  events.addEventListener("progress", (event) => {
    const upload = JSON.parse(event.data);
    retry = RETRY_MSEC;
    if (upload.state !== shown.dataset.state) {
      events.close();
      location.reload();
    } else if (bar) {
      bar.value = Math.min(upload.rows_ok + upload.rows_ng, bar.max);
      judged.textContent = bar.value;
    }
  });
  // Closed: refused, or there is nothing more to come. A connection that broke is made again by the browser.
  events.addEventListener("error", () => {
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(follow, retry);
    retry = Math.min(retry * 2, RETRY_MSEC_MAX);
  });
}

follow();

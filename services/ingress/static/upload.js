/*
 * The confirmation before anything is sent (manual 1-1-4 step 5): アップロード opens a dialog that says what will be sent and which
 * items were to be reviewed; OK sends. Without script the form's own boxes are ticked instead. Texts come from the page.
 */
const TAB = 9, LF = 10, CR = 13, SPACE = 32;
const READ_BYTES_MAX = 64 * 1024 * 1024;

const form = document.querySelector("form.upload"), dialog = document.querySelector("dialog");
const review = form.querySelector("fieldset.review"), boxes = review.querySelectorAll("input");

// As the server counts: a line that holds nothing but blanks is none.
function countRows(bytes) {
  let rows = 0, blank = true;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === LF) {
      rows += blank ? 0 : 1;
      blank = true;
    } else if (bytes[i] !== SPACE && bytes[i] !== TAB && !(bytes[i] === CR && (i + 1 === bytes.length || bytes[i + 1] === LF))) {
      blank = false;
    }
  }
  return blank ? rows : rows + 1;
}

async function rowsOf(file) {
  try {
    return file.size > READ_BYTES_MAX ? "-" : countRows(new Uint8Array(await file.arrayBuffer()));
  } catch {
    return "-"; // it is not there any more; the server will say so
  }
}

async function ask() {
  const file = form.elements.file.files[0], kind = form.elements.kind;
  const said = {
    file: file.name,
    rows: await rowsOf(file),
    kind: kind.selectedOptions[0].textContent,
    mode: form.querySelector("[name=on_error]:checked").labels[0].querySelector("span").firstChild.textContent,
  };
  for (const place of dialog.querySelectorAll("[data-said]")) place.textContent = said[place.dataset.said];
  dialog.returnValue = "";
  dialog.showModal();
}

// A browser that cannot show a dialog keeps the boxes.
if (dialog.showModal) {
  review.hidden = true;
  for (const box of boxes) box.required = false;
  form.addEventListener("submit", (event) => {
    if (event.submitter?.name === "dry_run") return;
    event.preventDefault();
    ask();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "ok") return;
    for (const box of boxes) box.checked = true;
    form.submit();
  });
}

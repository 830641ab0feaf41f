// The words of proto/errors.def, proto/tsv.def and texts.def, in the page's language.
import declared from "declared.json";

let language = "ja";

export function useLanguage(code) {
  language = code === "en" ? "en" : "ja";
}

export const named = (name) => name[language];

const fill = (text, args) => {
  let next = 0;
  return text.replaceAll("{}", () => args[next++] ?? "-");
};

export const word = (id, ...args) => fill(named(declared.texts[`tool_${id}`]), args);

// A problem: {error, column, args}; column from 1, 0 the whole row. The first argument of a column's error is its item.
export const problem = (error, column, ...args) => ({ error, column, args: args.map(String) });

function args(problem, format, code) {
  const item = format?.columns[problem.column - 1]?.item;
  return problem.args.map((arg, i) => (i === 0 && item && arg === item.ja ? item[code] : arg));
}

// As error_text() in proto/errors.c: the remedy goes on with the arguments where the message stopped.
function texts(problem, format, code) {
  const { message, remedy } = declared.errors[problem.error];
  const given = args(problem, format, code);
  const used = message[code].split("{}").length - 1;
  return { message: fill(message[code], given), remedy: fill(remedy[code], given.slice(used)) };
}

export const problemWords = (problem, format) => ({
  code: declared.errors[problem.error].code,
  ...texts(problem, format, language),
});

// The manual's `CODE:column,項目名,メッセージ`, as the service writes it.
export function problemCell(problem, format) {
  const item = format.columns[problem.column - 1]?.item.ja ?? "";
  return `${declared.errors[problem.error].code}:${problem.column},${item},${texts(problem, format, "ja").message}`;
}

// Every number on the page is an answer to one of these questions.

export class Refusal extends Error {
  constructor(answer, status) {
    super(answer.error ?? `status ${status}`);
    this.parameter = answer.parameter;
    this.mends = answer.mends ?? [];
  }
}

async function checked(response) {
  if (response.ok) return response;
  let answer = {};
  try { answer = await response.json(); } catch { /* the status says enough */ }
  throw new Refusal(answer, response.status);
}

export async function ask(path, question, signal) {
  const response = await fetch(`/api/${path}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question), signal,
  });
  return (await checked(response)).json();
}

export async function picture(question) {
  const response = await fetch("/api/picture", { method: "POST", body: JSON.stringify(question) });
  return (await checked(response)).blob();
}

let known;
export function presets() {
  known ??= fetch("/api/presets").then(checked).then((response) => response.json());
  return known;
}

// Asks for the latest question only: while one is on its way, those in between are dropped.
export function latest(run) {
  let controller;
  return async (...words) => {
    controller?.abort();
    const mine = controller = new AbortController();
    try {
      await run(mine.signal, ...words);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  };
}

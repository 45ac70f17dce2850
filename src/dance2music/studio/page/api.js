// Talking to the server. Errors come as one line that says what to do.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function answer(request) {
  let response;
  try {
    response = await request;
  } catch {
    throw new Refused(0, "The studio does not answer. Is it still running in your terminal? Start it again and open the address that it prints.");
  }
  if (response.ok) return response;
  let text = `The studio answered ${response.status}.`;
  try {
    text = (await response.json()).error ?? text;
  } catch { /* no JSON: the status has to do */ }
  throw new Refused(response.status, text);
}

/** A request whose body and answer are JSON. */
export async function ask(method, path, body) {
  const options = { method, headers: body === undefined ? {} : { "Content-Type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  return (await answer(fetch(path, options))).json();
}

/** Bytes of a file of the library. */
export async function bytes(path) {
  return (await answer(fetch(path))).arrayBuffer();
}

/** Send a video; `wishes` of its first take are { genre, ending }. */
export async function upload(file, wishes) {
  const options = { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file };
  return (await answer(fetch(`/api/dances?${new URLSearchParams({ title: file.name, ...wishes })}`, options))).json();
}

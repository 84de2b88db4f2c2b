// The command that asks the same of the inference listener.

interface Request {
  /** As the server has it: `http://127.0.0.1:8080`, or `unix:/path`. */
  address: string;
  path: string;
  contentType: string;
  token: boolean;
  body: { file: string } | { text: string };
}

/** For a shell: in single quotes, of which one in the text ends them for a moment. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

export function curl(request: Request): string {
  const lines = [`curl ${target(request.address)}${quoted(base(request.address) + request.path)}`];
  if (request.token) {
    lines.push('-H "Authorization: Bearer $INFERENCE_TOKEN"');
  }
  lines.push(`-H ${quoted(`Content-Type: ${request.contentType}`)}`);
  lines.push(
    "file" in request.body
      ? `--data-binary ${quoted(`@${request.body.file}`)}`
      : // Not as a file, where it begins with @.
        `--data-raw ${quoted(request.body.text)}`,
  );
  return lines.join(" \\\n  ");
}

function target(address: string): string {
  return address.startsWith("unix:") ? `--unix-socket ${quoted(address.slice("unix:".length))} ` : "";
}

/** Where every address is listened on, the one that this page came by is one of them. */
function base(address: string): string {
  if (address.startsWith("unix:")) {
    return "http://localhost";
  }
  return address.replace(/\/\/(0\.0\.0\.0|\[::\])/, `//${location.hostname}`).replace(/\/$/, "");
}

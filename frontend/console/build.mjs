// Builds the pages: node build.mjs FOLDER writes each file compressed, as the server sends it.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const target = process.argv[2];
if (!target) {
  throw new Error("expected the folder to write to: node build.mjs FOLDER");
}
const source = path.join(import.meta.dirname, "src");
const swagger = path.join(import.meta.dirname, "node_modules", "swagger-ui-dist");

async function write(page, name, content) {
  await mkdir(path.join(target, page), { recursive: true });
  const packed = gzipSync(content, { level: constants.Z_BEST_COMPRESSION });
  await writeFile(path.join(target, page, `${name}.gz`), packed);
}

async function bundle(page, entry) {
  const result = await build({
    entryPoints: [{ in: path.join(source, page, entry), out: "page" }],
    bundle: true,
    minify: true,
    write: false,
    outdir: target,
    format: "esm",
    target: ["es2022"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "inline",
    logLevel: "warning",
  });
  for (const file of result.outputFiles) {
    await write(page, path.basename(file.path), file.contents);
  }
  await write(page, "index.html", await readFile(path.join(source, page, "index.html")));
  await write(page, "icon.svg", await readFile(path.join(source, "icon.svg")));
}

/** The licences of what a page contains, beside it. */
async function licences(page, files) {
  const texts = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(path.join(import.meta.dirname, "node_modules", file), "utf8");
      return `${file}\n\n${text}`;
    }),
  );
  await write(page, "licenses.txt", texts.join(`\n\n${"-".repeat(80)}\n\n`));
}

await rm(target, { recursive: true, force: true });
await bundle("console", "main.tsx");
await licences("console", ["preact/LICENSE", "uplot/LICENSE"]);
await bundle("api-page", "main.ts");
await licences(
  "api-page",
  ["LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"].map((name) => `swagger-ui-dist/${name}`),
);
for (const name of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
  await write("api-page", name, await readFile(path.join(swagger, name)));
}

/**
 * licenses.txt: what the page is made of besides tapeflow, each package with its licence, written by the build.
 *
 * The packages are those whose modules are in the bundle, so the list is never longer or shorter than the page. One that
 * names no licence fails the build. The chart library's licence asks for its notice and a link to its maker.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const NOTICES: Record<string, string> = {
  "lightweight-charts": "TradingView Lightweight Charts™\nCopyright (с) 2023 TradingView, Inc. https://www.tradingview.com/",
};
const HEAD = "The dashboard of tapeflow (Apache-2.0) contains these packages.";
const RULE = "-".repeat(80);

/** The folder of the package that a module belongs to; none for the page's own. */
function packageOf(module: string): string | undefined {
  const found = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module);
  return found?.[1];
}

function described(folder: string): { name: string; text: string } {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, "package.json"), "utf-8")) as Record<string, string>;
  const file = readdirSync(folder).find((each) => /^(licen[sc]e|copying)(\.|$)/i.test(each));
  if (!name || !license) throw new Error(`${folder} names no licence`);
  const text = file ? readFileSync(join(folder, file), "utf-8").trim() : `By ${author}; the package has no text of its licence.`;
  const notice = NOTICES[name] ? `${NOTICES[name]}\n\n` : "";
  return { name, text: `${name} ${version} (${license})\n\n${notice}${text}` };
}

export function licenses(): Plugin {
  return {
    name: "licenses",
    apply: "build",
    generateBundle(_options, bundle) {
      const folders = new Set<string>();
      for (const part of Object.values(bundle)) {
        for (const module of part.type === "chunk" ? part.moduleIds : []) {
          const folder = packageOf(module);
          if (folder) folders.add(folder);
        }
      }
      const found = [...folders].map(described).sort((a, b) => (a.name < b.name ? -1 : 1));
      const source = [HEAD, ...found.map((each) => each.text)].join(`\n\n${RULE}\n\n`) + "\n";
      this.emitFile({ type: "asset", fileName: "licenses.txt", source });
    },
  };
}

// Takes the pictures: `node shoot.mjs TOOLS JOB.json`. TOOLS is the folder with node_modules; the job is what
// browser.py writes. Prints one JSON line for each drawing, and ends with 1 where one could not be made.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [tools, file] = process.argv.slice(2);
const require = createRequire(join(tools, "package.json"));
const { chromium } = require("playwright-core");
const UPNG = require("upng-js");
const job = JSON.parse(readFileSync(file, "utf8"));
const mermaidSource = join(tools, "node_modules/mermaid/dist/mermaid.min.js");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--force-color-profile=srgb"];

// As GitHub has it: the reader's theme, strict security, drawn in place of the code.
async function draw({ theme, sources }) {
  if (!window.mermaid) return [];
  mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: theme === "dark" ? "dark" : "default" });
  const results = [];
  const blocks = sources ? sources.map((text) => ({ text })) :
    [...document.querySelectorAll("code.language-mermaid")].map((code) => ({ text: code.textContent, at: code.parentElement }));
  for (const [number, { text, at }] of blocks.entries()) {
    const holder = document.createElement("div");
    holder.className = "drawing";
    try {
      holder.innerHTML = (await mermaid.render(`drawing${number}`, text)).svg;
      (at ?? document.body.appendChild(document.createElement("p"))).replaceWith(holder);
      const lines = (node) => (node.querySelector("p") ?? node).innerHTML.split(/<br ?\/?>/).map((line) => {
        const element = document.createElement("div");
        element.innerHTML = line;
        return element.childElementCount ? null : element.textContent;
      });
      results.push({
        boxes: [...holder.querySelectorAll(".node")].map((node) => lines(node)),
        lines: holder.querySelectorAll(".edgePaths path").length,
        acts: holder.querySelectorAll("a, script, img, foreignObject i, [onclick], [onerror]").length,
      });
    } catch (problem) {
      results.push({ error: String(problem.message ?? problem) });
    }
  }
  return results;
}

async function open(page, { path, width, theme, sources }) {
  await page.setViewportSize({ width, height: 100 });
  await page.emulateMedia({ colorScheme: theme });
  await page.goto(`file://${path}`);
  // It is large, and most pages have no drawing.
  if (sources || await page.locator("code.language-mermaid").count()) await page.addScriptTag({ path: mermaidSource });
}

// The part of the page that holds all of these elements, with some air.
function around(selector) {
  const boxes = [...document.querySelectorAll(selector)].map((element) => element.getBoundingClientRect());
  const [top, bottom] = [Math.min(...boxes.map((box) => box.top)), Math.max(...boxes.map((box) => box.bottom))];
  const right = Math.max(...[...document.querySelectorAll(`${selector} svg`)].map((svg) => svg.getBoundingClientRect().right));
  const left = Math.min(...boxes.map((box) => box.left));
  return { x: left - 16, y: top + window.scrollY - 16, width: right - left + 32, height: bottom - top + 32 };
}

function smaller(png) {
  const image = UPNG.decode(png);
  return Buffer.from(UPNG.encode([UPNG.toRGBA8(image)[0]], image.width, image.height, 128));
}

const profile = mkdtempSync(join(tmpdir(), "promotebot-browser-"));
let failed = false;
try {
  for (const scale of new Set(job.shots.map((shot) => shot.scale))) {
    const context = await chromium.launchPersistentContext(join(profile, String(scale)),
      { executablePath: job.chromium, headless: true, deviceScaleFactor: scale, args: FLAGS });
    const page = await context.newPage();
    for (const shot of job.shots.filter((each) => each.scale === scale)) {
      await open(page, shot);
      for (const result of await page.evaluate(draw, { theme: shot.theme, sources: shot.sources })) {
        failed ||= "error" in result;
        console.log(JSON.stringify({ shot: shot.name, ...result }));
      }
      if (!shot.png) continue;
      const clip = shot.only ? await page.evaluate(around, shot.only) : undefined;
      const png = await page.screenshot({ fullPage: true, clip });
      writeFileSync(shot.png, shot.compress ? smaller(png) : png);
    }
    await context.close();
  }
} finally {
  rmSync(profile, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

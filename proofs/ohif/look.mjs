// Opens a study in OHIF in a headless browser, shows a segmentation in three planes through points, and takes pictures.
//
//   node look.mjs SETTINGS.json
//
// SETTINGS: {playwright, browser, url, study, ct, segmentation, points: {name: [x, y, z] in LPS mm}, out}. Writes
// `out/<name>.png` of the whole page, `out/<name>-<viewport>.png`, and `out/seen.json` with what each viewport looks at.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const settings = JSON.parse(readFileSync(process.argv[2]));
const { chromium } = createRequire(import.meta.url)(settings.playwright);

const browser = await chromium.launch({
  executablePath: settings.browser,
  args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-dev-shm-usage'],
});
const page = await browser.newPage({ viewport: { width: 1500, height: 800 } });
const said = [];
page.on('console', message => ['error', 'warning'].includes(message.type()) && said.push(message.text()));
page.on('pageerror', error => said.push(`page error: ${error.message}`));

// In the page: moves every viewport's plane through the point, and tells what each looks at then.
async function lookAt(point) {
  const service = window.services.cornerstoneViewportService;
  const viewports = [...service.viewportsById.keys()].map(id => [id, service.getCornerstoneViewport(id)]);
  for (const [, viewport] of viewports) {
    const { focalPoint, position, viewPlaneNormal: normal } = viewport.getCamera();
    const way = point.reduce((sum, value, axis) => sum + (value - focalPoint[axis]) * normal[axis], 0);
    const moved = from => from.map((value, axis) => value + way * normal[axis]);
    viewport.setCamera({ focalPoint: moved(focalPoint), position: moved(position) });
    viewport.render();
  }
  await new Promise(done => setTimeout(done, 5000));
  return viewports.map(([id]) => {
    const viewport = service.getCornerstoneViewport(id);
    const { focalPoint, parallelScale, viewPlaneNormal } = viewport.getCamera();
    const { x, y, width, height } = viewport.canvas.getBoundingClientRect();
    return { id, focalPoint, viewPlaneNormal, mmPerPixel: (2 * parallelScale) / height, box: { x, y, width, height } };
  });
}

try {
  const query = `StudyInstanceUIDs=${settings.study}&initialSeriesInstanceUID=${settings.ct}&hangingprotocolId=mpr`;
  await page.goto(`${settings.url}/viewer?${query}`, { timeout: 120000 });
  const isOpen = () => window.services?.cornerstoneViewportService?.viewportsById?.size >= 3;
  await page.waitForFunction(isOpen, null, { timeout: 180000 });
  await page.getByText('Skip all').click({ timeout: 20000 }).catch(() => {}); // the tour for newcomers
  const isListed = uid => window.services.displaySetService.getActiveDisplaySets().some(set => set.SeriesInstanceUID === uid);
  await page.waitForFunction(isListed, settings.segmentation, { timeout: 60000 });
  // What a person does: a double click on the segmentation in the study's list.
  await page.locator('[data-cy="study-browser-thumbnail-no-image"]').first().dblclick({ timeout: 30000 });
  const isLoaded = () =>
    window.services.segmentationService.getSegmentations().some(found => Object.keys(found.segments ?? {}).length);
  await page.waitForFunction(isLoaded, null, { timeout: 120000 });
  // A busy machine may still be laying the page out: a viewport without width has nothing to show.
  const isShown = () => {
    const service = window.services.cornerstoneViewportService;
    const ids = [...service.viewportsById.keys()];
    return ids.length >= 3 && ids.every(id => service.getCornerstoneViewport(id)?.canvas.getBoundingClientRect().width > 0);
  };
  await page.waitForFunction(isShown, null, { timeout: 60000 });
  await page.waitForTimeout(8000);
  const seen = { segments: [], points: {} };
  for (const [name, point] of Object.entries(settings.points)) {
    await page.waitForFunction(isShown, null, { timeout: 60000 });
    seen.points[name] = await page.evaluate(lookAt, point);
    await page.screenshot({ path: `${settings.out}/${name}.png` });
    for (const viewport of seen.points[name]) {
      await page.screenshot({ path: `${settings.out}/${name}-${viewport.id}.png`, clip: viewport.box });
    }
  }
  seen.segments = await page.evaluate(() =>
    window.services.segmentationService.getSegmentations().flatMap(found => Object.values(found.segments))
      .map(segment => ({ number: segment.segmentIndex, label: segment.label })));
  writeFileSync(`${settings.out}/seen.json`, JSON.stringify(seen, null, 1));
} catch (error) {
  await page.screenshot({ path: `${settings.out}/failed.png` });
  console.log(String(error));
  process.exitCode = 1;
} finally {
  writeFileSync(`${settings.out}/console.txt`, said.join('\n'));
  await browser.close();
}

/**
 * A sweep as one picture: its pictures in rows and columns under the values that they were drawn with. The font comes
 * with Darkroom, since a small machine has none.
 */
import { fileURLToPath } from 'node:url';
import sharp, { type OverlayOptions } from 'sharp';
import { writePngText } from './png-text.ts';
import { provenanceXmp, XMP } from './provenance.ts';

const FONT = fileURLToPath(
  import.meta.resolve('@expo-google-fonts/dm-mono/400Regular/DMMono_400Regular.ttf'),
);
/** Width of a character of the font to its size, and of a wide one (Hangul, Kanji), from another font. */
const ADVANCE = 0.62;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/u;

/** Longest side of the whole. */
const LONGEST = 4096;
const GAP = 6;
/** Least and largest size of the letters, in pixels, and their part of a picture's longer side. */
const LETTERS = { least: 11, most: 28, part: 1 / 18 };
const INK = '#1d1b19';
const PAPER = '#f6f3ee';
const EMPTY = '#dfd9d0';
/** Lines of the words that stand where a picture is missing. */
const MISSING_LINES = 4;

interface GridCell {
  /** Encoded; absent where there is none. */
  readonly picture?: Uint8Array | undefined;
  /** What stands in its place. */
  readonly missing?: string;
}

interface Grid {
  /** Values along the columns, and along the rows and panels where there are several axes. */
  readonly columns: readonly string[];
  readonly rows?: readonly string[];
  readonly panels?: readonly string[];
  /** Panel by panel, row by row: as many as panels x rows x columns. */
  readonly cells: readonly GridCell[];
  /** Size of the pictures, where none is there yet. */
  readonly cell: { readonly width: number; readonly height: number };
  /** Whether a picture was the start of these. */
  readonly isEdit: boolean;
}

/** @param longest most pixels of the longer side @returns a PNG that says in XMP where it comes from */
export async function drawGrid(grid: Grid, longest = LONGEST): Promise<Uint8Array> {
  const layout = layOut(grid, longest);
  const { width, height, cell } = layout;
  const parts: OverlayOptions[] = [];
  for (const [i, { picture, missing = '' }] of grid.cells.entries()) {
    const at = layout.cellAt(i);
    if (picture === undefined) parts.push(...(await missingCell(missing, cell, at, layout.letters)));
    else {
      const input = await sharp(picture)
        .resize({ ...cell, fit: 'contain', background: EMPTY })
        .png({ compressionLevel: 1 })
        .toBuffer();
      parts.push({ input, ...at });
    }
  }
  for (const { text, room, ...at } of layout.labels) {
    const label = await labelPicture(shorten(text, room, layout.letters), layout.letters);
    if (label !== undefined) parts.push({ input: label, ...at });
  }
  const png = await sharp({ create: { width, height, channels: 3, background: PAPER } })
    .composite(parts)
    .removeAlpha()
    .png()
    .toBuffer();
  return writePngText(png, { [XMP]: provenanceXmp(grid.isEdit) });
}

interface Place {
  readonly left: number;
  readonly top: number;
}

interface Label extends Place {
  readonly text: string;
  /** Pixels in which it has to fit. */
  readonly room: number;
}

function layOut({ columns, rows = [''], panels = [''], cell: drawn }: Grid, longest: number) {
  const [across, down] = [columns.length, rows.length * panels.length];
  // The letters take a part of the room too: about a line for each panel, and a column for the rows.
  const usual = Math.min(
    1,
    longest / ((across + 0.5) * drawn.width),
    longest / ((down + 0.3) * drawn.height),
  );
  const letters = Math.round(
    Math.min(
      LETTERS.most,
      Math.max(LETTERS.least, Math.max(drawn.width, drawn.height) * usual * LETTERS.part),
    ),
  );
  const line = Math.round(letters * 1.7);
  const widest = Math.max(...rows.map((text) => widthOf(text, letters)));
  const side = rows.some((text) => text !== '') ? Math.ceil(Math.min(widest, 14 * letters)) + 2 * GAP : GAP;
  const titled = panels.some((text) => text !== '');
  const head = (titled ? line : 0) + line;
  const scale = Math.min(
    1,
    (longest - side - GAP * (across + 1)) / (across * drawn.width),
    (longest - panels.length * (head + GAP) - GAP * (down + 1)) / (down * drawn.height),
  );
  const cell = {
    width: Math.max(1, Math.floor(drawn.width * scale)),
    height: Math.max(1, Math.floor(drawn.height * scale)),
  };
  const panelHeight = head + rows.length * (cell.height + GAP);
  const place = (panel: number, row: number, column: number): Place => ({
    left: side + column * (cell.width + GAP),
    top: GAP + panel * (panelHeight + GAP) + head + row * (cell.height + GAP),
  });
  const above = (line - letters) / 2;
  const labels = panels.flatMap((title, panel): Label[] => {
    const { top } = place(panel, 0, 0);
    return [
      { text: title, left: GAP, top: top - head, room: across * (cell.width + GAP) + side - 2 * GAP },
      ...columns.map((text, i) => ({
        ...{ text, left: place(panel, 0, i).left, top: top - line, room: cell.width },
      })),
      ...rows.map((text, i) => ({
        ...{ text, left: GAP, room: side - 2 * GAP },
        top: place(panel, i, 0).top + cell.height / 2 - line / 2,
      })),
    ];
  });
  return {
    letters,
    cell,
    width: side + across * (cell.width + GAP),
    height: GAP + panels.length * (panelHeight + GAP),
    labels: labels
      .filter(({ text }) => text !== '')
      .map((one) => ({ ...one, top: Math.round(one.top + above), left: Math.round(one.left) })),
    cellAt(i: number): Place {
      const column = i % across;
      const row = Math.floor(i / across) % rows.length;
      return place(Math.floor(i / across / rows.length), row, column);
    },
  };
}

async function missingCell(
  words: string,
  cell: { readonly width: number; readonly height: number },
  at: Place,
  letters: number,
): Promise<OverlayOptions[]> {
  const input = await sharp({ create: { ...cell, channels: 3, background: EMPTY } })
    .png()
    .toBuffer();
  const room = cell.width - 2 * GAP;
  const lines = wrap(words, room, letters).slice(0, MISSING_LINES);
  const label = lines.length === 0 ? undefined : await labelPicture(lines.join('\n'), letters);
  const inside = label === undefined ? [] : [{ input: label, left: at.left + GAP, top: at.top + GAP }];
  return [{ input, ...at }, ...inside];
}

/** Words as a picture with a clear ground. */
async function labelPicture(text: string, letters: number): Promise<Buffer | undefined> {
  if (text.trim() === '') return undefined;
  return sharp({
    text: {
      // Markup of Pango: its three signs are written out.
      text: `<span foreground="${INK}">${escapeMarkup(text)}</span>`,
      font: `DM Mono ${Math.round((letters * 72) / 96)}`,
      fontfile: FONT,
      rgba: true,
      dpi: 96,
    },
  })
    .png()
    .toBuffer();
}

const escapeMarkup = (text: string) =>
  text
    .replaceAll(/[\0-\x08\x0b-\x1f]/g, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');

const widthOf = (text: string, letters: number) =>
  [...text].reduce((sum, one) => sum + (WIDE.test(one) ? 1 : ADVANCE), 0) * letters;

/** The beginning and the end of a text that is too long: file names differ at both. */
function shorten(text: string, room: number, letters: number): string {
  const signs = [...text];
  if (widthOf(text, letters) <= room) return text;
  for (let kept = signs.length - 1; kept > 1; kept--) {
    const head = signs.slice(0, Math.ceil(kept / 2)).join('');
    const tail = signs.slice(signs.length - Math.floor(kept / 2)).join('');
    const short = `${head}\u2026${tail}`;
    if (widthOf(short, letters) <= room) return short;
  }
  return signs[0] ?? '';
}

function wrap(text: string, room: number, letters: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    const last = lines.at(-1);
    const longer = last === undefined ? word : `${last} ${word}`;
    if (last !== undefined && widthOf(longer, letters) <= room) lines[lines.length - 1] = longer;
    else lines.push(shorten(word, room, letters));
  }
  return lines;
}

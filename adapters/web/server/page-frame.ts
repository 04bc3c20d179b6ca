/** The frame of the pages that the server draws by itself: errors, the door, and the operator's. */
import { html } from 'hono/html';
import type { Locale } from '../../../src/sentences.ts';

export interface Frame {
  /** The path below which the chat is served, without a slash at its end. */
  readonly base: string;
  /** Of whoever reads it. */
  readonly locale: Locale;
}

/**
 * @param body markup that hono's `html` has escaped
 */
export const drawFrame = (
  title: string,
  { base, locale }: Frame,
  body: ReturnType<typeof html>,
) => html`<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>${title} \u00b7 Darkroom</title>
<link rel="icon" href="${base}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${base}/theme.css">
<link rel="stylesheet" href="${base}/style.css">
<link rel="stylesheet" href="${base}/error.css">
<link rel="stylesheet" href="${base}/status.css">
<link rel="stylesheet" href="${base}/usage.css">
<link rel="stylesheet" href="${base}/gallery-page.css">
<script src="${base}/theme.js"></script>
</head>
<body class="error-page">
<main>
<p class="door-mark"><span aria-hidden="true"></span>Darkroom</p>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;

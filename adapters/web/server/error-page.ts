/** Errors as a page, for people who open an address in a browser; programs get JSON. */
import { html } from 'hono/html';
import type { RefusalStatus } from './refusal.ts';

const TITLES: Readonly<Partial<Record<RefusalStatus, string>>> = {
  401: 'Enter the token',
  403: 'Not allowed',
  404: 'Not found',
  429: 'Too many requests',
  500: 'Something went wrong',
};

/**
 * @param base the path below which the chat is served, without a slash at its end
 * @param message one sentence; where a token is needed, the page asks for it
 */
export function drawErrorPage(status: RefusalStatus, message: string, base: string) {
  const title = TITLES[status] ?? 'This does not work';
  const body =
    status === 401
      ? html`<form method="post" action="${base}/token">
  <label for="token">The operator of this chat has given you a token.</label>
  <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
  <button type="submit">Open the chat</button>
</form>`
      : html`<p>${message}</p>
<p><a href="${base}/">Open the chat</a></p>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>${title} \u00b7 Darkroom</title>
<link rel="icon" href="${base}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${base}/theme.css">
<link rel="stylesheet" href="${base}/style.css">
<link rel="stylesheet" href="${base}/error.css">
<script src="${base}/theme.js"></script>
</head>
<body class="error-page">
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
}

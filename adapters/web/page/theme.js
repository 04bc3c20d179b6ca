// @ts-check
// A classic script in the head: it runs before the first paint, so that the other theme never flashes.
(() => {
  const key = 'darkroom.theme';
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: light)');
  const current = () => root.dataset['theme'] ?? (system.matches ? 'light' : 'dark');

  /** @returns {string | null} */
  function stored() {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage is disabled: the theme of the system is used
    }
  }

  /** @param {string} theme */
  function choose(theme) {
    const followsSystem = theme === (system.matches ? 'light' : 'dark');
    if (followsSystem) delete root.dataset['theme'];
    else root.dataset['theme'] = theme;
    try {
      if (followsSystem) localStorage.removeItem(key);
      else localStorage.setItem(key, theme);
    } catch {
      // the choice then lasts until the page is closed
    }
  }

  const chosen = stored();
  if (chosen === 'light' || chosen === 'dark') root.dataset['theme'] = chosen;

  addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    if (button === null) return;
    const label = () => {
      button.title = button.dataset[current() === 'light' ? 'dark' : 'light'] ?? '';
      button.setAttribute('aria-label', button.title);
    };
    button.addEventListener('click', () => {
      choose(current() === 'light' ? 'dark' : 'light');
      label();
    });
    system.addEventListener('change', label);
    label();
  });
})();

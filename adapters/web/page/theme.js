// @ts-check
// Runs before the first paint (a classic script in the head), so that a chosen theme never flashes the other.
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
      return null; // storage is switched off: the system's theme holds
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
      // the choice then lasts as long as the page
    }
  }

  const chosen = stored();
  if (chosen === 'light' || chosen === 'dark') root.dataset['theme'] = chosen;

  addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    if (button === null) return;
    const label = () => {
      button.title = current() === 'light' ? 'Dark theme' : 'Light theme';
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

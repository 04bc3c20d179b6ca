// @ts-check
// A classic script at the top of the page: only the browser knows the zone of its clock.
(() => {
  const address = new URL(location.href);
  if (address.searchParams.has('zone')) return;
  address.searchParams.set('zone', Intl.DateTimeFormat().resolvedOptions().timeZone);
  location.replace(address);
})();

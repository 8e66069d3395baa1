/* What pages of lists share: search, selects, their place in the address, and pages. */
cosmos.options = (box, first, values, value) => {
  const { h } = cosmos, want = JSON.stringify([first, values, value]);
  if (box.dataset.have === want) return;
  box.dataset.have = want;
  box.replaceChildren(h('option', { value: '' }, first), ...values.map(([key, words]) => h('option', { value: key }, words)));
  if (value && ![...box.options].some(option => option.value === value)) box.append(h('option', { value }, value));
  box.value = value || '';
  box.classList.toggle('set', Boolean(value) && box.name !== 'sort');
};

/* `boxes` has the titles of the selects by their names in the address. */
cosmos.filters = (page, placeholder, boxes) => {
  const { h } = cosmos, names = Object.keys(boxes);
  const search = h('input', { type: 'search', placeholder, 'aria-label': 'Search', oninput: () => { clearTimeout(search.later); search.later = setTimeout(() => page.go({ q: search.value, page: '' }, { keep: true }), 200); } });
  const selects = Object.fromEntries([...names, 'sort'].map(name => [name, h('select', { 'aria-label': boxes[name] || 'Sort', name, onchange: event => page.go({ [name]: event.target.value, page: '' }) })]));
  const clear = h('button.plain', { onclick: () => page.go(Object.fromEntries([...names, 'q', 'page'].map(name => [name, '']))) }, 'Clear');
  const isSet = () => [...names, 'q'].some(name => page.query[name]);
  return { element: h('div.tools', {}, search, Object.values(selects), clear), search, clear, isSet, draw(choices, sorts) {
    if (document.activeElement !== search) search.value = page.query.q || '';
    for (const name of names) {
      cosmos.options(selects[name], boxes[name], choices[name], page.query[name]);
      selects[name].hidden = !choices[name].length && !page.query[name];
    }
    cosmos.options(selects.sort, 'By name', sorts, page.query.sort);
    clear.hidden = !isSet();
  } };
};

cosmos.pager = (page, label) => {
  const { h, write } = cosmos;
  let at = 1;
  const where = h('span'), back = h('button', { onclick: () => page.go({ page: String(at - 1) }) }, 'Previous'), on = h('button', { onclick: () => page.go({ page: String(at + 1) }) }, 'Next');
  const element = h('nav.pages', { 'aria-label': label }, where, back, on);
  return { element, draw(data) { at = data.page; element.hidden = data.pages < 2; write(where, `Page ${data.page} of ${data.pages}`); back.disabled = at <= 1; on.disabled = at >= data.pages; } };
};

/* Keys of a list with one thing open beside it: j, k, /, Escape and what a page adds. Not while something is typed. */
cosmos.keys = keys => document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.target.closest('input, select, textarea, video')) { if (event.key === 'Escape') event.target.blur(); return; }
  if (event.key in keys) { event.preventDefault(); keys[event.key](); }
});

/* The one after or before what is open. */
cosmos.step = (names, open, by) => {
  const at = names.indexOf(open);
  return at < 0 ? names[by > 0 ? 0 : names.length - 1] : names[at + by];
};
cosmos.visit = open => event => { if (!event.ctrlKey && !event.metaKey && !event.shiftKey && !event.button) { event.preventDefault(); open(); } };
cosmos.stars = row => row.rating === null || row.rating === undefined ? '' : '★ ' + (Number.isInteger(row.rating) ? row.rating : row.rating.toFixed(1));
cosmos.missing = (note, trouble) => { note.hidden = !trouble; if (trouble) note.replaceChildren(cosmos.h('p', {}, trouble.error), cosmos.h('p', {}, trouble.hint)); };

/* A spec as a form and as it is written, side by side: what is changed on one side changes on the other. The text is what
   counts; it is checked while it is typed, and saved by the dialog of edit.js. */
cosmos.editor = ({ leave, saved }) => {
  const { h, write, many } = cosmos;
  let start = null, seen = '', problems = [], later = 0, turn = 0, typed = null;
  const title = h('h2'), place = h('span.mono.soft');
  const name = h('input', { type: 'text', spellcheck: false, autocomplete: 'off' }), text = h('textarea', { rows: 7 }), negative = h('textarea', { rows: 2 });
  const labels = h('textarea', { rows: 2, placeholder: 'scene=city', spellcheck: false }), inputs = h('input', { type: 'text', list: 'editor-scenes', placeholder: 'inputs/city', spellcheck: false, autocomplete: 'off' }), scenes = h('datalist', { id: 'editor-scenes' });
  const field = (words, box, hint) => { box.setAttribute('aria-label', words); box.setAttribute('aria-description', hint); return h('label.field', {}, h('span', {}, words), box, h('small.soft', {}, hint)); };
  const fields = { name: field('Name', name, 'small letters, digits and dashes'), text: field('Text', text, 'sent to the model as it is'), negative: field('Negative', negative, 'what to keep away from'), labels: field('Labels', labels, 'name=value, one a line'), inputs: field('Inputs', inputs, 'a scene: a folder of inputs/') };
  const boxes = { name, text, negative, labels, inputs };
  const form = h('form.form', { 'aria-label': 'The spec as a form', onsubmit: event => event.preventDefault() }, Object.values(fields), scenes);
  const yaml = h('textarea.code', { spellcheck: false, wrap: 'off', 'aria-label': 'The spec as it is written', autocomplete: 'off' }), gutter = h('pre.gutter', { 'aria-hidden': 'true' });
  const path = h('input', { type: 'text', spellcheck: false, 'aria-label': 'File of the new spec' });
  const state = h('span.state', { role: 'status' }), wrong = h('div.wrong'), stale = h('div.note', { role: 'alert', hidden: true });
  const review = h('button.main', { title: 'Shows the diff and the plan first (Ctrl+S)', onclick: () => look() }, 'Review and save');
  const element = h('section.pane.editor', { hidden: true, 'aria-label': 'Edit' },
    h('header', {}, title, place, h('span.right'), state, h('button', { onclick: () => discard() }, 'Discard'), review), stale,
    h('div.sides', {}, form, h('div.written', {}, h('div.lines', {}, gutter, yaml), wrong)));

  const isDirty = () => start !== null && yaml.value !== start.yaml;
  const dress = labels => Object.entries(labels || {}).map(([key, value]) => `${key}=${value}`).join('\n');
  const undress = words => Object.fromEntries(words.split(/[\n,]/).map(line => line.trim()).filter(Boolean).map(line => { const at = line.indexOf('='); return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()]; }));
  const change = () => start.change(yaml.value, seen);
  const number = () => { const bad = new Set(problems.map(row => row.line)); gutter.replaceChildren(...yaml.value.split('\n').map((_, index) => h('span' + (bad.has(index + 1) ? '.bad' : ''), {}, `${index + 1}\n`))); gutter.scrollTop = yaml.scrollTop; };
  const tell = (rows, words) => {
    problems = rows; number();
    state.className = 'state ' + (words ? 'Pending' : rows.length ? 'Failed' : isDirty() || start.isNew ? 'Succeeded' : 'Pending');
    write(state, words || (rows.length ? many(rows.length, 'problem') : isDirty() || start.isNew ? 'Valid' : 'Unchanged'));
    if (!words) wrong.replaceChildren(...cosmos.problems(rows));
    review.disabled = Boolean(words) || rows.some(row => !row.old) || !(isDirty() || start.isNew);
  };
  const troubled = trouble => { tell(trouble.problems?.length ? trouble.problems : [{ line: 0, at: '', words: trouble.error, hint: trouble.hint }]); };
  /* What the text says, into the form; the field that is being typed in stays as it is. */
  const fill = (data, all) => {
    const roles = data.inputs !== null && typeof data.inputs === 'object';
    const values = { name: data.name ?? '', text: data.text ?? '', negative: data.negative ?? '', labels: dress(data.labels), inputs: roles ? '' : data.inputs ?? '' };
    for (const [key, box] of Object.entries(boxes)) if ((all || document.activeElement !== box) && box.value !== String(values[key])) box.value = values[key];
    inputs.disabled = roles; inputs.placeholder = roles ? 'by role: change it in the text' : 'inputs/city';
    form.hidden = data.kind !== 'Prompt'; fields.name.hidden = !start.isNew;
    element.querySelector('.sides').classList.toggle('one', form.hidden);
  };
  /* One question at a time; the last one counts. */
  const check = async (changes, all) => {
    const mine = ++turn;
    tell(problems, 'Checking ...');
    try {
      if (start.isWhole) fill({}, all);
      else {
        const found = await cosmos.asked('reword', { text: yaml.value, changes: changes || {} });
        if (mine !== turn) return;
        if (changes && found.text !== yaml.value) yaml.value = found.text;
        fill(found.data, all);
      }
      const found = await cosmos.asked('check', change());
      if (mine !== turn) return;
      if (start.isNew) write(place, found.path);
      tell(found.problems);
    } catch (trouble) { if (mine === turn) troubled(trouble); }
  };
  const soon = changes => {
    typed = changes && typed ? { ...typed, ...changes } : changes;
    review.disabled = true; clearTimeout(later); later = setTimeout(() => { const now = typed; typed = null; check(now); }, 250);
  };
  yaml.oninput = () => { number(); typed = null; soon(null); };
  yaml.onscroll = () => { gutter.scrollTop = yaml.scrollTop; };
  for (const [key, box] of Object.entries(boxes)) box.oninput = () => soon({ [key]: key === 'labels' ? undress(box.value) : box.value });
  const look = () => { if (!review.disabled) cosmos.edit(change(), { saved: done => { const was = start; start = null; saved(done, was); } }); };
  const discard = () => { if (!isDirty() || window.confirm('Discard what you have changed?')) { start = null; leave(); } };
  element.addEventListener('keydown', event => {
    if ((event.ctrlKey || event.metaKey) && event.key === 's') { event.preventDefault(); look(); }
  });
  window.addEventListener('beforeunload', event => { if (isDirty()) event.preventDefault(); });
  const take = next => { start = next; seen = next.seen; yaml.value = next.yaml; stale.hidden = true; problems = []; wrong.replaceChildren(); number(); check(null, true); };
  const differs = next => {
    stale.replaceChildren(h('p', {}, `${next.path} has changed while you edit it.`), h('p', {}, h('button', { onclick: () => take(next) }, 'Take what is there now'), ' ', h('button', { onclick: () => { seen = next.seen; start = { ...next, yaml: next.yaml }; stale.hidden = true; check(null); } }, 'Keep mine: the review shows what it replaces')));
    stale.hidden = false;
  };
  /* `next`: { id, title, path, yaml, seen, isNew, isWhole, scenes, change(text, seen) }, or null. */
  return { element, isDirty, discard, draw(next) {
    element.hidden = !next;
    if (!next) { start = null; return; }
    scenes.replaceChildren(...next.scenes.map(value => h('option', { value })));
    write(title, next.title);
    if (!next.isNew) write(place, next.path);
    if (start === null || start.id !== next.id) { take(next); (next.isWhole || next.isRun ? yaml : text).focus({ preventScroll: true }); }
    else if (!next.isNew && next.seen !== seen) { if (isDirty()) differs(next); else take(next); }
  } };
};

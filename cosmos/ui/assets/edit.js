/* Changing a spec file: the dialog that shows a change, what follows from it, and saves or commits it. For every page.

   cosmos.edit({ make: 'review', run, fields })            a change that cosmos/ui/editing.py knows, looked at in the dialog
   cosmos.edit(change, { saved: answer => ..., title })    told once it is saved; the page is drawn anew by itself
   cosmos.asked(path, given)                               the answer of a question to /edit/path; throws { error, hint, problems } */
(() => {
  cosmos.asked = async (path, given) => {
    let answer;
    try {
      const reply = await fetch('/edit/' + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(given) });
      answer = reply.ok ? await reply.json() : { error: reply.status === 413 ? 'The text is too long.' : `The page was answered with ${reply.status}.`, hint: 'load the page again' };
    } catch (trouble) { answer = { error: 'The server does not answer.', hint: 'is `cosmos ui` running? Nothing was saved' }; }
    if (answer.error) throw answer;
    return answer;
  };

  /* Lines that name what is wrong, and where. */
  cosmos.problems = rows => rows.map(row => cosmos.h('p', {}, cosmos.h('b.mono', {}, row.line ? `line ${row.line}` : row.at), ' ' + row.words, row.hint ? cosmos.h('span.soft', {}, ' - ' + row.hint) : ''));

  /* A sentence about what has been done, for a while. */
  cosmos.say = (...words) => {
    const { h } = cosmos;
    document.querySelector('.cosmos .said')?.remove();
    const said = h('div.said', { role: 'status' }, h('span', {}, words), h('button.plain', { 'aria-label': 'Dismiss', onclick: () => said.remove() }, '×'));
    document.querySelector('.cosmos').append(said);
    setTimeout(() => said.remove(), 12000);
  };

  let open = null;
  cosmos.edit = (change, { saved = () => {}, title = '' } = {}) => {
    const { h, many, span } = cosmos;
    open?.close();
    const name = h('h2', { id: 'edit-title' }, title || 'Looking ...'), path = h('span.mono.soft');
    const note = h('div.note.bad', { role: 'alert', hidden: true }), diff = h('pre.diff', { tabindex: '0', 'aria-label': 'What changes' });
    const runs = h('div'), plan = h('div', { 'aria-live': 'polite' });
    const message = h('input', { type: 'text', maxlength: '200' }), words = h('p.soft', { hidden: true });
    const commit = h('button.main', { disabled: true, onclick: () => save(true) }, 'Save and commit'), only = h('button', { disabled: true, onclick: () => save(false) }, 'Save');
    const dialog = open = h('dialog.edit', { 'aria-labelledby': 'edit-title', onclose: () => { dialog.remove(); if (open === dialog) open = null; } },
      h('header', {}, name, path, h('button.plain.right', { 'aria-label': 'Close', onclick: () => dialog.close() }, '×')),
      h('div.body', {}, note, h('section', {}, h('h3', {}, 'What changes'), diff), h('section', {}, h('h3', {}, 'What follows'), runs, plan)),
      h('div.foot', {}, h('label.grow', {}, h('span.soft', {}, 'Commit message'), message), words, h('div.ends', {}, h('button.plain', { onclick: () => dialog.close() }, 'Cancel'), only, commit)));
    document.querySelector('.cosmos').append(dialog);
    dialog.showModal();
    let draft = null;
    const tell = trouble => {
      note.replaceChildren(h('p', {}, trouble.error), trouble.hint ? h('p', {}, trouble.hint) : '', ...cosmos.problems(trouble.problems || []));
      note.hidden = false;
    };
    const ready = on => { only.disabled = !on; commit.disabled = !on || Boolean(draft.obstacle); };
    const draw = () => {
      cosmos.write(name, draft.subject); cosmos.write(path, draft.path);
      diff.replaceChildren(...(draft.diff.length ? draft.diff.map(line => h('span' + (line.startsWith('+') ? '.more' : line.startsWith('-') ? '.less' : line.startsWith('@') ? '.at' : ''), {}, line + '\n')) : ['Nothing: the file says so already.']));
      const wrong = draft.problems.filter(row => !row.old);
      if (wrong.length) tell({ error: 'It cannot be saved: the specs would have new problems.', problems: wrong });
      const same = new Set(draft.runs.map(row => row.fields.join(', '))).size === 1 ? draft.runs[0].fields.join(', ') : '';
      runs.replaceChildren(...(draft.runs.length ? [h('p', {}, many(draft.runs.length + draft.more, 'run') + (draft.runs.length + draft.more === 1 ? ' changes' : ' change') + (draft.more ? `, ${draft.runs.length} shown` : '') + (same ? ':' : ''), same ? h('span.soft', {}, ' ' + same) : ''), h('ul', {}, draft.runs.map(row => h('li', {}, h('b', {}, row.how), ' ', row.key, h('span.soft', {}, [row.made ? ' is made already' : row.eta ? ' ~' + span(row.eta) : '', !same && row.fields.length ? ' ' + row.fields.join(', ') : ''].join('')))))] : [h('p', {}, 'No run becomes another one.')]));
      message.value = draft.subject; message.disabled = Boolean(draft.obstacle);
      words.hidden = !draft.obstacle; cosmos.write(words, draft.obstacle ? 'It can be saved, and not committed: ' + draft.obstacle : '');
      const good = draft.diff.length > 0 && !wrong.length;
      ready(good);
      if (good) foresee();
    };
    const foresee = async () => {
      plan.replaceChildren(h('p.soft', {}, 'Looking at the hosts for the plan ...'));
      try {
        const found = await cosmos.asked('plan', { draft: draft.draft });
        plan.replaceChildren(h('p', {}, found.summary), h('ul', {}, found.operations.map(row => h('li', {}, h('b', {}, row.act), ' ', row.key, h('span.soft', {}, [' ' + row.cause.replaceAll('_', ' '), row.host, row.eta ? '~' + span(row.eta) : '', row.words].filter(Boolean).join(' · '))))), found.more ? h('p.soft', {}, `and ${found.more} more`) : '', ...found.stuck.map(row => h('p', {}, h('b', {}, row.key), ' ', h('span.soft', {}, row.words))));
      } catch (trouble) { plan.replaceChildren(h('p', {}, 'There is no plan: ' + trouble.error), trouble.hint ? h('p.soft', {}, trouble.hint) : ''); }
    };
    const save = async committed => {
      ready(false); note.hidden = true;
      try {
        const done = await cosmos.asked('save', { draft: draft.draft, commit: committed, message: message.value });
        dialog.close();
        cosmos.say(done.commit ? `${done.subject}: committed as ${done.commit.slice(0, 8)}. ` : `${done.subject}: saved ${done.path}. `, h('a.link', { href: '/plan' }, 'Plan'));
        saved(done);
      } catch (trouble) { tell(trouble); ready(true); }
    };
    cosmos.asked('draft', change).then(found => { draft = found; draw(); }, trouble => { cosmos.write(name, title || 'It cannot be done'); diff.replaceChildren('-'); tell(trouble); });
    return dialog;
  };
})();

/* Acting on runs, hosts or the project: a dialog that shows what an act would do, and does it if that still holds.

   cosmos.action({ act: 'cancel', keys: [...] })             cancel, retry, rerun, start, suspend, resume; or hosts, project
   cosmos.upscale(key)                                       asks how, then shows the new spec by cosmos.edit */
(() => {
  const names = { cancel: 'Cancel', retry: 'Retry', rerun: 'Run again', start: 'Start', suspend: 'Suspend', resume: 'Resume' };
  const subject = what => what.project ? 'the project' : what.hosts ? 'host ' + what.hosts.join(', ') : what.keys.length === 1 ? what.keys[0] : cosmos.many(what.keys.length, 'run');

  /* A dialog with a heading, a body and buttons, closed by Escape. */
  cosmos.dialog = (title, body, ends) => {
    const { h } = cosmos;
    const dialog = h('dialog.edit', { 'aria-labelledby': 'act-title', onclose: () => dialog.remove() },
      h('header', {}, h('h2', { id: 'act-title' }, title), h('button.plain.right', { 'aria-label': 'Close', onclick: () => dialog.close() }, '×')),
      h('div.body', {}, body), h('div.foot', {}, ends));
    document.querySelector('.cosmos').append(dialog);
    dialog.showModal();
    return dialog;
  };

  const line = (row, ...more) => cosmos.h('li', {}, ...more, cosmos.h('span', {}, row.key), row.words ? cosmos.h('span.soft', {}, ' ' + row.words) : '');
  const operation = row => cosmos.h('li', {}, cosmos.h('b', {}, row.act), ' ', row.key, cosmos.h('span.soft', {}, ' ' + [row.cause.replaceAll('_', ' '), row.host, row.eta ? '~' + cosmos.span(row.eta) : '', row.words].filter(Boolean).join(' · ')));

  cosmos.action = (what, { done = () => {} } = {}) => {
    const { h, many } = cosmos;
    const title = names[what.act] + ' ' + subject(what);
    const note = h('div.note.bad', { role: 'alert', hidden: true }), body = h('section', { 'aria-live': 'polite' }, h('p.soft', {}, 'Looking at the hosts ...'));
    const why = h('input', { type: 'text', maxlength: '200', placeholder: 'for the others, and for later' }), asks = !['rerun', 'start'].includes(what.act);
    const act = h('button.main', { disabled: true, onclick: () => doIt() }, names[what.act]);
    const again = h('button', { hidden: true, onclick: () => look() }, 'Look again');
    const dialog = cosmos.dialog(title, [note, body], [asks ? h('label.grow', {}, h('span.soft', {}, 'Why (may be empty)'), why) : '', h('div.ends', {}, h('button.plain', { onclick: () => dialog.close() }, 'Leave it'), again, act)]);
    let shown = null;
    const tell = trouble => { note.replaceChildren(h('p', {}, trouble.error), trouble.hint ? h('p', {}, trouble.hint) : ''); note.hidden = false; again.hidden = false; };
    const draw = found => {
      const parts = [];
      if (found.summary) parts.push(h('p', {}, found.summary));
      if (found.changes.length) parts.push(h('h3', {}, 'What changes'), h('ul', {}, found.changes.map(row => line(row, cosmos.state(row.before), ' → ', cosmos.state(row.after), ' '))));
      if (found.begun.length) parts.push(h('h3', {}, what.act === 'cancel' || what.act === 'suspend' ? 'What is done' : 'What an apply then does'), h('ul', {}, found.begun.map(operation)));
      if (found.dropped.length) parts.push(h('h3', {}, 'What is not done any more'), h('ul', {}, found.dropped.map(operation)));
      if (found.same.length && !found.begun.length) parts.push(h('h3', {}, 'What stays'), h('ul', {}, found.same.map(row => line(row, cosmos.state(row.phase), ' '))));
      if (found.more) parts.push(h('p.soft', {}, `and ${found.more} more`));
      if (what.project || what.hosts) parts.push(h('p.soft', {}, what.act === 'suspend' ? 'What runs goes on; nothing more is started.' : 'Waiting runs may start again.'));
      if (!parts.length) parts.push(h('p', {}, 'Nothing changes.'));
      body.replaceChildren(...parts);
      act.disabled = found.is_nothing;
    };
    const look = async () => {
      act.disabled = true; note.hidden = true; again.hidden = true;
      try { shown = await cosmos.asked('foresee', what); draw(shown); }
      catch (trouble) { body.replaceChildren(); tell(trouble); }
    };
    const doIt = async () => {
      act.disabled = true; note.hidden = true; cosmos.write(act, 'Working ...');
      try {
        const answer = await cosmos.asked('do', { ...what, digest: shown.digest, why: why.value });
        dialog.close();
        cosmos.say(answer.said + ' ', h('a.link', { href: '/plan' }, 'Plan'));
        done(answer);
      } catch (trouble) { tell(trouble); }
      cosmos.write(act, names[what.act]);
    };
    look();
    return dialog;
  };

  cosmos.upscale = async key => {
    const { h } = cosmos;
    const body = h('section', {}, h('p.soft', {}, 'Looking ...'));
    const next = h('button.main', { disabled: true }, 'Show the new run');
    const dialog = cosmos.dialog('Upscale ' + key, body, [h('div.ends', {}, h('button.plain', { onclick: () => dialog.close() }, 'Leave it'), next)]);
    let found;
    try { found = await cosmos.asked('upscalers', { run: key }); }
    catch (trouble) { body.replaceChildren(h('p', {}, trouble.error), h('p.soft', {}, trouble.hint || '')); return; }
    if (!found.models.length) { body.replaceChildren(h('p', {}, 'No model here makes a larger video.'), h('p.soft', {}, 'A Model with `upscale` in its name does: see the documentation of models.')); return; }
    const model = h('select', { 'aria-label': 'Model', onchange: () => fit() }, found.models.map(one => h('option', { value: one.name }, one.name)));
    const name = h('input', { type: 'text', value: found.name, 'aria-label': 'Name of the new run' });
    const prompt = h('select', { 'aria-label': 'Prompt' }, h('option', { value: '' }, 'No prompt'), found.prompts.map(one => h('option', { value: one }, one)));
    const weight = h('input', { type: 'range', min: '0', max: '1', step: '0.05', 'aria-label': 'Weight', oninput: () => cosmos.write(told, weight.value) }), told = h('span.mono'), weighs = h('label.pair', {}, h('span', {}, 'Weight'), h('span.grow.row', {}, weight, told));
    const fit = () => { const one = found.models.find(each => each.name === model.value); weighs.hidden = one.weight === null; weight.value = one.weight ?? '0.5'; cosmos.write(told, weight.value); };
    fit();
    body.replaceChildren(found.already.length ? h('div.note', {}, h('p', {}, 'There is one already: ', found.already.flatMap((one, index) => [index ? ', ' : '', h('a.link', { href: cosmos.run(one) }, one)]))) : '',
      h('label.pair', {}, h('span', {}, 'Name'), name), h('label.pair', {}, h('span', {}, 'Model'), model), weighs, h('label.pair', {}, h('span', {}, 'Prompt'), prompt),
      h('p.soft', {}, 'A higher weight keeps more of the video. The new run is a document below specs/; nothing starts before an apply.'));
    next.disabled = false;
    next.onclick = () => { dialog.close(); cosmos.edit({ make: 'upscale', run: key, name: name.value.trim(), model: model.value, prompt: prompt.value, weight: weighs.hidden ? '' : weight.value }); };
    name.focus();
  };
})();

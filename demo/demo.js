// What the demo's pages do by themselves. They keep nothing: no storage, no cookie, no request.

for (const button of document.querySelectorAll('[data-copy]')) {
  const code = document.getElementById(button.dataset.copy);
  const name = button.getAttribute('aria-label');
  const show = (text) => {
    button.textContent = text;
    button.setAttribute('aria-label', name.replace('Copy', text));
  };
  button.addEventListener('click', async () => {
    const said = document.getElementById('copied');
    try {
      await navigator.clipboard.writeText(code.textContent);
      show('Copied');
      said.textContent = 'Copied';
      setTimeout(() => { show('Copy'); said.textContent = ''; }, 2000);
    } catch {
      // Not allowed here: select it, so that the keyboard can copy it.
      getSelection().selectAllChildren(code);
      said.textContent = 'Selected';
    }
  });
}

const form = document.getElementById('signup');
if (form) {
  const choose = () => form.setAttribute('data-mayfly-plan', form.plan.value);
  const asked = new URLSearchParams(location.search).get('plan');
  for (const radio of form.plan) if (radio.value === asked) radio.checked = true;
  choose();
  form.addEventListener('change', choose);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    document.getElementById('done-plan').textContent = form.querySelector(':checked').parentElement.textContent.trim();
    form.hidden = true;
    document.getElementById('done').hidden = false;
    document.getElementById('done-title').focus();
  });
}

// An element with attributes (`on…`: listeners; true and false as for a switch) and children.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text); // older browsers, and pages that are no secure context
  }
}

function copySelected(text) {
  const box = h('textarea', { class: 'mvit-unseen', 'aria-hidden': 'true', tabindex: -1 });
  const focused = document.activeElement;
  box.value = text;
  document.body.append(box);
  box.select();
  const copied = document.execCommand('copy');
  box.remove();
  focused?.focus();
  return copied;
}

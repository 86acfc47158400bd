/* Formulas that scroll sideways can be reached by keyboard, as the theme does it for code. */
{
  const reach = () => {
    for (const formula of document.querySelectorAll('.bd-article div.math')) {
      if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
      else formula.removeAttribute('tabindex');
    }
  };
  addEventListener('load', reach);
  addEventListener('resize', reach);
}

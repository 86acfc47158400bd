// The icons that the pages use, in place of the theme's script, which brings all two thousand.
import { dom, library } from '@fortawesome/fontawesome-svg-core';
import { faGithub } from '@fortawesome/free-brands-svg-icons';
import {
  faAngleLeft, faAngleRight, faArrowUp, faBars, faChevronDown, faCircleHalfStroke, faCode,
  faExpand, faLightbulb, faList, faMagnifyingGlass, faMoon, faOutdent, faPencil, faRocket, faSun,
  faXmark,
} from '@fortawesome/free-solid-svg-icons';

library.add(
  faAngleLeft, faAngleRight, faArrowUp, faBars, faChevronDown, faCircleHalfStroke, faCode,
  faExpand, faGithub, faLightbulb, faList, faMagnifyingGlass, faMoon, faOutdent, faPencil,
  faRocket, faSun, faXmark,
);
dom.watch();

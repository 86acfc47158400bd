/* The theme's own script of this name draws its icons a second time, in 1.5 MB; the font of its
   style sheet has them all. */

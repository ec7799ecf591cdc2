/* In the place of the theme's script of this name: 1.5 MB that draw icons which its style sheet has
 * as characters of a font. That font, vendor/fontawesome/webfonts/fa-solid-900.woff2, holds here only
 * the characters of --pst-icon-* in the theme's style sheet, and of the icons (licence: SIL OFL 1.1)
 * angle-down angle-left angle-right angle-up arrow-up arrow-up-right-from-square bars bell book check
 * chevron-down chevron-left chevron-right chevron-up circle-check circle-exclamation
 * circle-half-stroke circle-info circle-play circle-question circle-xmark code compress copy download
 * ellipsis expand file file-code file-lines file-pdf gear graduation-cap lightbulb link list
 * magnifying-glass minus moon pause pencil play plus print rocket share stop sun
 * triangle-exclamation xmark; made with pyftsubset --flavor=woff2 --no-hinting. */

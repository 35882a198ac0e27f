export { colorsFor, type Output } from "@lectern/local";

export { colorsFor, type Output } from "offline-aws";

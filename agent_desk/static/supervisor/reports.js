// @ts-check
/** The page reports. */
import { page } from "./page.js";

page.ready();

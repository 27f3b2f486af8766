/** Moments as people read them, in the language of the page. */
import { locale, t } from "./words.js";

/** "just now", "4 min ago", "2 h ago", or a date. */
export function ago(moment) {
  const seconds = (Date.now() - moment) / 1000;
  if (seconds < 60) return t("time.just_now");
  if (seconds < 3600) return t("time.minutes_ago", { count: Math.floor(seconds / 60) });
  if (seconds < 86400) return t("time.hours_ago", { count: Math.floor(seconds / 3600) });
  return dateOf(moment);
}

const isToday = (date) => date.toDateString() === new Date().toDateString();

export const dateOf = (moment) => new Date(moment).toLocaleDateString(locale);
export const timeOf = (moment) => new Date(moment).toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
/** The time, and the date unless it is today's. */
export const momentOf = (moment) => (isToday(new Date(moment)) ? timeOf(moment) : `${dateOf(moment)}, ${timeOf(moment)}`);
export const dateAndTimeOf = (moment) => new Date(moment).toLocaleString(locale);

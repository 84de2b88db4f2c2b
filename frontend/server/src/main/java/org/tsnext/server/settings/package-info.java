/**
 * Settings: one table of keys, where their values come from, and how they are checked. Nothing here
 * starts anything.
 */
package org.tsnext.server.settings;

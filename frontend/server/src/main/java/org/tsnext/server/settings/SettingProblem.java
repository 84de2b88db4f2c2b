package org.tsnext.server.settings;

/**
 * Why a server cannot start with a setting.
 *
 * @param key its name
 * @param text the whole complaint: value, source, and what was expected
 */
public record SettingProblem(String key, String text) {}

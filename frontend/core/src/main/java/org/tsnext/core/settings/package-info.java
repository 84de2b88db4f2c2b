/** The values that hold for a model version, grouped by what they are about. Plain data. */
package org.tsnext.core.settings;

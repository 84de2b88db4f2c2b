/** What the HTTP transport is told: addresses, limits, access. Values without behaviour. */
package org.tsnext.http.settings;

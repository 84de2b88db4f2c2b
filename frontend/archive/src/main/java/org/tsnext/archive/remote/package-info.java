/**
 * Models from elsewhere than the model store: which URLs are allowed, which addresses may be
 * connected to, and how archives are fetched into a private cache. A caller of the API chooses the
 * URL, so everything here treats it as hostile.
 */
package org.tsnext.archive.remote;

/** What the server takes from the machine it runs on: GPUs, a private folder, signals. */
package org.tsnext.server.machine;

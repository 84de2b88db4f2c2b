/** The door for management, the registry of models and versions, and what is told about them. */
package org.tsnext.core.model;

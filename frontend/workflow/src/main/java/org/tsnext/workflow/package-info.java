/**
 * Workflows: graphs whose nodes are models and functions. A node is a model version of the core,
 * and what it is asked is a request like any other; here is only what goes where, and when.
 */
package org.tsnext.workflow;

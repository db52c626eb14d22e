//! Answers on their way: a connection is not idle until the whole body has been taken from it.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;

use crate::vocabulary::connection_table::Underway;

/// A body, and the request that it answers.
pub(crate) struct Sending<B> {
    body: Pin<Box<B>>,
    _underway: Option<Underway>,
}

/// Lets a request be under way until its answer has been sent.
pub(crate) fn until_sent<B: MessageBody>(
    answer: ServiceResponse<B>,
) -> ServiceResponse<Sending<B>> {
    let underway = answer.request().extensions_mut().remove::<Underway>();
    answer.map_body(|_, body| Sending { body: Box::pin(body), _underway: underway })
}

impl<B: MessageBody> MessageBody for Sending<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().body.as_mut().poll_next(context)
    }
}
